/** A stream of a session as a Node Duplex, half-open, with backpressure both ways. */
import { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Stream, StreamHandler } from "../../protocol/streams/stream.ts";
import { pendingResets } from "../net/pending-resets.ts";

type WriteDone = (error?: Error | null) => void;

/** Bytes that a writer gives before it waits: several reads of a busy connection in one turn of the event loop. */
const WRITE_BYTES = 256 * 1024;

/** What a reader that stalls gets before the rest waits as part of its window: one piece. */
const READ_BYTES = 1024;

/** From so much on, what is queued beyond a stream is counted. */
const QUEUED_FROM = 4096;

/** Pieces below this size are gathered while the reader stalls, so that each does not hold a buffer of its own. */
const GATHER_BELOW = 2048;
const GATHER_BYTES = 4096;

/**
 * Writes go out behind the OPEN without waiting for the peer; {@link accepted} tells what became of it.
 * `destroy(error)` resets the stream with the error's code (`stream.cancelled` without one, or with an error
 * that is not a FairleadError). A stream that the peer resets is destroyed with the peer's error.
 */
export class SessionStream extends Duplex implements StreamHandler {
  #stream: Stream | null = null;
  #wasAccepted = false;
  /** Made when somebody asks. */
  #accepted: PromiseWithResolvers<void> | null = null;
  /** What came while the reader did not want more. Null while it keeps up. */
  #waiting: Uint8Array[] | null = null;
  /** Bytes used of the last item of `#waiting` when that is a block for small pieces; else 0. */
  #gathered = 0;
  #wanted = false;
  #peerFinished = false;
  #writeDone: WriteDone | null = null;
  #finalDone: WriteDone | null = null;
  /** See {@link noteQueued}. */
  #queued = 0;
  /** Whether this side accepted a stream of the peer. */
  #isServed = false;
  /** Whether it is reset as soon as what was written went out, and with what in place of FIN. */
  #isEnding = false;
  #lastError: FairleadError | null = null;

  constructor() {
    super({
      allowHalfOpen: true,
      emitClose: true,
      writableHighWaterMark: WRITE_BYTES,
      readableHighWaterMark: READ_BYTES,
    });
    // A reset between two owners must not take the process down; each owner adds its own listener.
    this.on("error", () => {});
  }

  /** Ties the Duplex to its stream; once, before anything else. */
  attach(stream: Stream): this {
    this.#stream = stream;
    this.#wasAccepted = !stream.ours;
    return this;
  }

  get service(): string {
    return this.#stream?.service ?? "";
  }

  /** Streams that the client's connection has behind it, as the opener knows. */
  get hops(): number {
    return this.#stream?.hops ?? 0;
  }

  /** Resolves when the peer accepts; rejects with the FairleadError of its refusal or of what came between. */
  get accepted(): Promise<void> {
    if (this.#accepted === null) {
      this.#accepted = Promise.withResolvers();
      this.#accepted.promise.catch(() => {});
      if (this.#wasAccepted) this.#accepted.resolve();
      else if (this.destroyed) this.#accepted.reject(this.errored ?? new FairleadError("stream.cancelled"));
    }
    return this.#accepted.promise;
  }

  /** Accepts a stream that the peer opened. Its data can be read, and written to it, from here on. */
  accept(): void {
    this.#isServed = true;
    this.#stream?.accept();
  }

  /**
   * Like `destroy(error)`, but the peer gets everything that was written first, as long as it takes any of it. What
   * the peer says meanwhile is not read.
   */
  resetAfterWrites(error: FairleadError): void {
    if (this.destroyed || this.#isEnding) return;
    const reset = () => void this.destroy(error);
    const unsent = () => this.writableLength + (this.#stream?.unsent ?? 0);
    const isOpen = this.#stream !== null && this.#stream.state !== "closed";
    const over =
      isOpen && unsent() > 0 ? pendingResets.add({ bytes: unsent(), progress: unsent, reset }) : null;
    if (over === null) {
      reset();
      return;
    }
    this.#isEnding = true;
    this.once("close", over);
    this.once("finish", reset);
    // After an end of its own, FIN goes out first, and the reset behind it.
    if (this.writableEnded) return;
    this.#lastError = error;
    this.end();
  }

  /** Notes how much waits to be written where its bytes go to; while the stream itself waits, also what it holds. */
  noteQueued(target: Duplex): void {
    const bytes = target.writableLength + (this.writableNeedDrain ? this.writableLength : 0);
    if (bytes === this.#queued || (bytes < QUEUED_FROM && this.#queued === 0) || this.destroyed) return;
    this.#queued = bytes;
    this.#stream?.noteQueued(bytes);
  }

  // ---- what the stream tells (StreamHandler) --------------------------------------------------------

  peerAccepted(): void {
    this.#wasAccepted = true;
    this.#accepted?.resolve();
  }

  data(bytes: Uint8Array): void {
    if (this.destroyed) return;
    if (this.#wanted && this.#waiting === null) this.#hand(bytes);
    else this.#keep(bytes);
  }

  peerFinished(): void {
    this.#peerFinished = true;
    if (this.#waiting === null) this.push(null);
  }

  drained(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
  }

  finished(): void {
    const done = this.#finalDone;
    this.#finalDone = null;
    this.drained();
    done?.();
  }

  /**
   * What came before the peer's reset is delivered first, as long as the reader takes any of it. A stream that ends for
   * another reason than a connection that broke ends at once, and so does one that nobody serves yet.
   */
  reset(error: FairleadError): void {
    const bytes = this.#unread();
    const isServed = this.#isServed || this.#stream?.ours === true;
    const fail = () => void this.destroy(error);
    const over =
      bytes > 0 && isServed && error.code === "stream.cancelled"
        ? pendingResets.add({ bytes, progress: () => this.#unread(), reset: fail })
        : null;
    if (over === null) {
      this.destroy(error);
      return;
    }
    this.once("close", over);
    this.read = (size) => {
      const chunk: unknown = super.read(size);
      // The reader gets the chunk before the stream fails.
      if (this.#waiting === null && this.readableLength === 0) setImmediate(fail);
      return chunk;
    };
    this.drained();
  }

  // ---- the Duplex -----------------------------------------------------------------------------------

  override _read(): void {
    this.#wanted = true;
    const waiting = this.#waiting;
    if (waiting === null) return;
    let at = 0;
    while (this.#wanted && at < waiting.length) {
      const piece = waiting[at++];
      if (piece === undefined) break;
      const gathering = at === waiting.length && this.#gathered > 0;
      this.#hand(gathering ? piece.subarray(0, this.#gathered) : piece);
      if (gathering) this.#gathered = 0;
    }
    if (at < waiting.length) {
      waiting.splice(0, at);
      return;
    }
    this.#waiting = null;
    if (this.#peerFinished) this.push(null);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: WriteDone): void {
    if (this.#stream === null || this.#stream.write(chunk)) done();
    else this.#writeDone = done;
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: WriteDone): void {
    let more = true;
    for (const { chunk } of chunks) more = this.#stream?.write(chunk) ?? true;
    if (more) done();
    else this.#writeDone = done;
  }

  override _final(done: WriteDone): void {
    if (this.#stream === null || this.#stream.state === "closed") {
      done();
      return;
    }
    this.#finalDone = done;
    if (this.#lastError === null) this.#stream.finish();
    else this.#stream.resetAfterData(this.#lastError);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    const reason =
      error === null ? new FairleadError("stream.cancelled") : asFairleadError(error, "stream.cancelled");
    if (this.#queued > 0) this.#stream?.noteQueued(0);
    this.#stream?.reset(reason);
    this.#accepted?.reject(reason);
    this.#waiting = null;
    this.#writeDone = null;
    this.#finalDone = null;
    done(error);
  }

  // ---- reading --------------------------------------------------------------------------------------

  /** Bytes that came and were not read. */
  #unread(): number {
    const waiting = this.#waiting ?? [];
    const kept = waiting.reduce((sum, piece) => sum + piece.length, 0);
    const unused = this.#gathered > 0 ? (waiting.at(-1)?.length ?? 0) - this.#gathered : 0;
    return this.readableLength + kept - unused;
  }

  #hand(bytes: Uint8Array): void {
    this.#wanted = this.push(bytes);
    this.#stream?.consumed(bytes.length);
  }

  /**
   * Keeps a piece for a reader that stalls. A slice keeps the whole buffer alive that it was cut from, so small
   * ones after the first are copied together: what is held stays near the window, however small the pieces.
   */
  #keep(bytes: Uint8Array): void {
    this.#waiting ??= [];
    const block = this.#gathered > 0 ? this.#waiting.at(-1) : undefined;
    if (block !== undefined && block.length - this.#gathered >= bytes.length) {
      block.set(bytes, this.#gathered);
      this.#gathered += bytes.length;
      return;
    }
    if (block !== undefined) this.#waiting[this.#waiting.length - 1] = block.subarray(0, this.#gathered);
    this.#gathered = 0;
    if (bytes.length >= GATHER_BELOW || this.#waiting.length === 0) {
      this.#waiting.push(bytes);
      return;
    }
    const fresh = Buffer.allocUnsafeSlow(GATHER_BYTES);
    fresh.set(bytes);
    this.#gathered = bytes.length;
    this.#waiting.push(fresh);
  }
}
