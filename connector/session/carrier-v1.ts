/**
 * Carrier version 1 as a Node Duplex: one lane, and the carrier ends with it. Used with connectors and edges
 * that do not support version 2.
 */
import { Duplex } from "node:stream";
import { type CarrierControl, type Lane, MAX_LANE_MESSAGE } from "../../protocol/carrier/index.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { LaneHandshake } from "./lane-handshake.ts";

type WriteDone = (error?: Error | null) => void;

export class CarrierV1 extends Duplex implements CarrierControl {
  readonly version = 1;
  readonly #lane: Lane;
  #isOver = false;
  #failure: FairleadError | null = null;
  #writeDone: WriteDone | null = null;

  /** Takes the lane of a handshake that is done. */
  constructor(handshake: LaneHandshake) {
    // autoDestroy would close the lane before the last bytes leave.
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: 256 * 1024 });
    // TLS listens for errors too, but not before its handshake and after its end.
    this.on("error", () => {});
    this.#lane = handshake.lane;
    handshake.handOver({
      bytes: (message) => this.#bytes(message),
      drained: () => this.#drained(),
      closed: (error) => this.#laneClosed(error),
    });
  }

  get failure(): FairleadError | null {
    return this.#failure;
  }

  abort(error: FairleadError): void {
    if (this.#isOver) return;
    this.#lane.close(error);
    this.#end(error);
  }

  // ---- the lane's events ----------------------------------------------------------------------------

  #bytes(message: Uint8Array): void {
    if (this.#isOver) return;
    if (message.length === 0)
      this.abort(new FairleadError("session.malformed", "The lane carried an empty message."));
    else if (!this.push(message)) this.#lane.pause();
  }

  #drained(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
  }

  #laneClosed(error: FairleadError | null): void {
    if (this.#isOver) return;
    if (error !== null) {
      this.#end(error);
      return;
    }
    this.#isOver = true;
    this.push(null);
    this.#drained();
  }

  #end(error: FairleadError): void {
    this.#isOver = true;
    this.#failure = error;
    this.destroy(error);
  }

  // ---- the Duplex -----------------------------------------------------------------------------------

  override _read(): void {
    if (!this.#isOver) this.#lane.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: WriteDone): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: WriteDone): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: WriteDone): void {
    if (!this.#isOver) this.#lane.close();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#lane.close(error === null ? undefined : asFairleadError(error, "session.lost"));
    }
    const pending = this.#writeDone;
    this.#writeDone = null;
    pending?.(error);
    done(error);
  }

  /**
   * Sends the chunks in as few messages as possible: a message costs the relay more than a short copy costs
   * here.
   */
  #send(chunks: Uint8Array[], done: WriteDone): void {
    let more = true;
    let from = 0;
    let size = 0;
    for (const [at, chunk] of chunks.entries()) {
      if (size > 0 && size + chunk.length > MAX_LANE_MESSAGE) {
        more = this.#sendOne(chunks, from, at, size);
        from = at;
        size = 0;
      }
      size += chunk.length;
    }
    if (size > 0) more = this.#sendOne(chunks, from, chunks.length, size);
    if (more || this.#isOver) done();
    else this.#writeDone = done;
  }

  #sendOne(chunks: Uint8Array[], from: number, to: number, size: number): boolean {
    const first = chunks[from];
    if (first === undefined) return true;
    const message = to - from === 1 ? first : Buffer.concat(chunks.slice(from, to), size);
    let more = true;
    for (let at = 0; at < message.length; at += MAX_LANE_MESSAGE) {
      more = this.#lane.send([message.subarray(at, at + MAX_LANE_MESSAGE)]);
    }
    return more;
  }
}
