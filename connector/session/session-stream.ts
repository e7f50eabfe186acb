/** A stream of a session as a Node Duplex, half-open, with backpressure in both directions. */
import { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import type { Stream, StreamHandler } from "../../protocol/streams/stream.ts";
import { pendingResets } from "../net/pending-resets.ts";

type WriteDone = (error?: Error | null) => void;

/** Write buffer, bytes: holds several reads of a busy connection in one turn of the event loop. */
const WRITE_BYTES = 256 * 1024;

/** Read buffer, bytes: one piece. The rest stays in the backlog, which counts against the stream's window. */
const READ_BYTES = 1024;

/** Least queue beyond a stream that is accounted for, bytes. */
const QUEUED_FROM = 4096;

/** Backlog pieces below this size are copied into blocks, so that none keeps a whole buffer alive. Bytes. */
const BLOCK_BELOW = 2048;
const BLOCK_BYTES = 4096;

/**
 * Writes follow the OPEN without waiting for the peer; {@link accepted} reports the peer's answer.
 * `destroy(error)` resets the stream with the error's code, or with `stream.cancelled` unless `error` is a
 * FairleadError. A stream that the peer resets is destroyed with the peer's error.
 */
export class SessionStream extends Duplex implements StreamHandler {
  #stream: Stream | null = null;
  #wasAccepted = false;
  /** Created on the first read of {@link accepted}. */
  #accepted: PromiseWithResolvers<void> | null = null;
  /** Pieces that arrived while the reader was not reading; null while it keeps up. */
  #backlog: Uint8Array[] | null = null;
  /** Bytes used in the last piece of `#backlog` if that is a block for small pieces; else 0. */
  #blockUsed = 0;
  #isReading = false;
  #peerFinished = false;
  #writeDone: WriteDone | null = null;
  /** Whether {@link send} returned false. */
  #senderWaits = false;
  #finalDone: WriteDone | null = null;
  /** Bytes last reported by {@link noteQueued}. */
  #queued = 0;
  /** Whether this side accepted the peer's stream. */
  #isServed = false;
  /** Whether {@link resetAfterWrites} was called. */
  #isEnding = false;
  /** The reset to send in place of FIN after the last write. */
  #finalReset: FairleadError | null = null;

  /** Id of the session that carries the stream. */
  readonly session: string;

  constructor(session: string) {
    super({
      allowHalfOpen: true,
      emitClose: true,
      writableHighWaterMark: WRITE_BYTES,
      readableHighWaterMark: READ_BYTES,
    });
    this.session = session;
    // Without a listener, a reset while the stream changes owners would end the process.
    this.on("error", () => {});
  }

  /** Binds the Duplex to its stream. Call it once, before anything else. */
  attach(stream: Stream): this {
    this.#stream = stream;
    this.#wasAccepted = !stream.ours;
    return this;
  }

  /** The stream's id in its session. */
  get id(): number {
    return this.#stream?.id ?? 0;
  }

  get service(): string {
    return this.#stream?.service ?? "";
  }

  /** The kind of stream that the opener requested. */
  get kind(): string {
    return this.#stream?.kind ?? DEFAULT_KIND;
  }

  /** The port of the service that the opener requested; null for its first one. */
  get port(): number | null {
    return this.#stream?.port ?? null;
  }

  /** Count of streams that the client's connection has passed through, as reported by the opener. */
  get hops(): number {
    return this.#stream?.hops ?? 0;
  }

  /** The W3C trace context that the opener sent; null without one. */
  get traceparent(): string | null {
    return this.#stream?.traceparent ?? null;
  }

  /** Resolves when the peer accepts; rejects with the FairleadError of its refusal or of an earlier end. */
  get accepted(): Promise<void> {
    if (this.#accepted === null) {
      this.#accepted = Promise.withResolvers();
      this.#accepted.promise.catch(() => {});
      if (this.#wasAccepted) this.#accepted.resolve();
      else if (this.destroyed) this.#accepted.reject(this.errored ?? new FairleadError("stream.cancelled"));
    }
    return this.#accepted.promise;
  }

  /**
   * Accepts a stream that the peer opened. From then on it can be read and written.
   *
   * @param isDeferred whether ACCEPT waits for the first bytes, or for {@link sendAccept}
   */
  accept(isDeferred = false): void {
    this.#isServed = true;
    this.#stream?.accept(isDeferred);
  }

  /** Sends the ACCEPT that was deferred, unless it was sent already. */
  sendAccept(): void {
    this.#stream?.sendAccept();
  }

  /**
   * Like `destroy(error)`, but sends all written bytes first, while the peer makes progress. Bytes from the
   * peer are no longer read.
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
    // After `end()` FIN goes out first, then the reset.
    if (this.writableEnded) return;
    this.#finalReset = error;
    this.end();
  }

  /**
   * Like `write`, but past the queue of the Duplex while that is empty. Returns false for backpressure until
   * "drain"; the bytes are accepted.
   */
  send(bytes: Uint8Array): boolean {
    const mustQueue = this.writableLength > 0 || this.writableEnded || this.destroyed;
    if (this.#stream === null || mustQueue) return this.write(bytes);
    this.#senderWaits = !this.#stream.write(bytes);
    return !this.#senderWaits;
  }

  /**
   * Accounts for the bytes queued in `target`, and for those queued in the stream while it waits for its
   * peer.
   */
  noteQueued(target: Duplex): void {
    const bytes = target.writableLength + (this.writableNeedDrain ? this.writableLength : 0);
    if (bytes === this.#queued || (bytes < QUEUED_FROM && this.#queued === 0) || this.destroyed) return;
    this.#queued = bytes;
    this.#stream?.noteQueued(bytes);
  }

  // ---- events of the stream (StreamHandler) ---------------------------------------------------------

  peerAccepted(): void {
    this.#wasAccepted = true;
    this.#accepted?.resolve();
  }

  data(bytes: Uint8Array): void {
    if (this.destroyed) return;
    if (!this.#isReading || this.#backlog !== null) this.#store(bytes);
    else if (this.readableFlowing === true && this.readableLength === 0) this.#pass(bytes);
    else this.#deliver(bytes);
  }

  peerFinished(): void {
    this.#peerFinished = true;
    if (this.#backlog === null) this.push(null);
  }

  drained(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
    if (!this.#senderWaits) return;
    this.#senderWaits = false;
    // Otherwise the Duplex emits it once its own queue is empty.
    if (!this.writableNeedDrain) this.emit("drain");
  }

  finished(): void {
    const done = this.#finalDone;
    this.#finalDone = null;
    this.drained();
    done?.();
  }

  /**
   * Delivers the bytes that came before the peer's reset, while the reader makes progress, then fails the
   * stream. Only a served stream that ends with `stream.cancelled` is delivered to its end; any other fails
   * at once.
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
      // The reader receives the chunk before the stream fails.
      if (this.#backlog === null && this.readableLength === 0) setImmediate(fail);
      return chunk;
    };
    this.drained();
  }

  // ---- the Duplex -----------------------------------------------------------------------------------

  override _read(): void {
    this.#isReading = true;
    const backlog = this.#backlog;
    if (backlog === null) return;
    let at = 0;
    while (this.#isReading && at < backlog.length) {
      const piece = backlog[at++];
      if (piece === undefined) break;
      const isBlock = at === backlog.length && this.#blockUsed > 0;
      this.#deliver(isBlock ? piece.subarray(0, this.#blockUsed) : piece);
      if (isBlock) this.#blockUsed = 0;
    }
    if (at < backlog.length) {
      backlog.splice(0, at);
      return;
    }
    this.#backlog = null;
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
    if (this.#finalReset === null) this.#stream.finish();
    else this.#stream.resetAfterData(this.#finalReset);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    if (this.#queued > 0) this.#stream?.noteQueued(0);
    // An error costs several times what the rest costs here: none is made for a stream that has ended in order.
    const isOver = this.#wasAccepted && (this.#stream === null || this.#stream.state === "closed");
    if (!isOver) {
      const reason =
        error === null ? new FairleadError("stream.cancelled") : asFairleadError(error, "stream.cancelled");
      this.#stream?.reset(reason);
      this.#accepted?.reject(reason);
    }
    this.#backlog = null;
    this.#writeDone = null;
    this.#finalDone = null;
    done(error);
  }

  // ---- reading --------------------------------------------------------------------------------------

  /** Count of bytes that arrived and were not read. */
  #unread(): number {
    const backlog = this.#backlog ?? [];
    const stored = backlog.reduce((sum, piece) => sum + piece.length, 0);
    const unused = this.#blockUsed > 0 ? (backlog.at(-1)?.length ?? 0) - this.#blockUsed : 0;
    return this.readableLength + stored - unused;
  }

  /**
   * Hands bytes to a reader that keeps up. `push` would do the same, and then read on in a tick of its own for
   * each piece.
   */
  #pass(bytes: Uint8Array): void {
    const isBuffer = bytes instanceof Buffer;
    this.emit("data", isBuffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#stream?.consumed(bytes.length);
  }

  #deliver(bytes: Uint8Array): void {
    this.#isReading = this.push(bytes);
    this.#stream?.consumed(bytes.length);
  }

  /**
   * Stores a piece for a stalled reader. A slice keeps its whole buffer alive, so small pieces after the
   * first are copied into blocks. The memory held stays close to the window, however small the pieces are.
   */
  #store(bytes: Uint8Array): void {
    this.#backlog ??= [];
    const block = this.#blockUsed > 0 ? this.#backlog.at(-1) : undefined;
    if (block !== undefined && block.length - this.#blockUsed >= bytes.length) {
      block.set(bytes, this.#blockUsed);
      this.#blockUsed += bytes.length;
      return;
    }
    if (block !== undefined) this.#backlog[this.#backlog.length - 1] = block.subarray(0, this.#blockUsed);
    this.#blockUsed = 0;
    if (bytes.length >= BLOCK_BELOW || this.#backlog.length === 0) {
      this.#backlog.push(bytes);
      return;
    }
    const fresh = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    fresh.set(bytes);
    this.#blockUsed = bytes.length;
    this.#backlog.push(fresh);
  }
}
