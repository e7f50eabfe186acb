/**
 * The writer of a session's frames: decides what is sent and in which order.
 *
 * Everything written in one turn of the event loop goes out in one flush: HELLO; after the peer's HELLO,
 * control frames; then data, {@link QUANTUM_BYTES} of each stream that has some, round-robin. So a small
 * write waits for one quantum of each busy stream at most.
 *
 * While the layer below exerts backpressure, everything waits here. It is bounded: a few control frames for
 * each stream, and `SEND_BUFFER` with one write for each stream.
 */
import { type ErrorCode, FairleadError } from "../errors.ts";
import { Fifo } from "../fifo.ts";
import { BATCH_BYTES, FrameBatch } from "./frame-batch.ts";
import { encodeReset, HEADER_BYTES, MAX_CONTROL } from "./frames.ts";
import { QUANTUM_BYTES, type Stream } from "./stream.ts";

/** Refusals that may wait to be sent before the session ends. */
const MAX_REFUSALS = 1024;

/** What the owner of a multiplexer does for it. */
export interface MultiplexerEffects {
  /**
   * Writes the chunks, in order, as one. Returns false for backpressure until `drained()`; the chunks are
   * accepted.
   */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Schedules one call of `flush()` behind this turn of the event loop. */
  schedule(): void;
}

/** The writer of one session. */
export class FrameWriter {
  readonly #effects: MultiplexerEffects;
  readonly #resetSent: (stream: Stream) => void;
  readonly #batch = new FrameBatch();
  /** HELLO until it is sent. */
  #hello: Uint8Array | null;
  /** GOAWAY from when it is due until it is sent. */
  #goaway: Uint8Array | null = null;
  readonly #controlQueue = new Fifo<Stream>();
  readonly #dataQueue = new Fifo<Stream>();
  readonly #refusals = new Fifo<{ readonly id: number; readonly code: ErrorCode }>();
  /** The peer's HELLO arrived. Before, only HELLO may be sent. */
  #isOpen = false;
  /** The layer below exerts backpressure. */
  #blocked = false;
  #scheduled = false;
  #writing = false;
  #stopped = false;

  /** @param resetSent called when the RESET of a stream that this side reset was sent */
  constructor(effects: MultiplexerEffects, hello: Uint8Array, resetSent: (stream: Stream) => void) {
    this.#effects = effects;
    this.#hello = hello;
    this.#resetSent = resetSent;
    this.#schedule();
  }

  /** Whether only data is left to send. */
  get controlSent(): boolean {
    return this.#goaway === null && this.#controlQueue.length === 0 && this.#refusals.length === 0;
  }

  /** Allows all frames: the peer's HELLO arrived. */
  open(): void {
    this.#isOpen = true;
    this.#schedule();
  }

  /** Queues a stream that has control frames to send. */
  queueControl(stream: Stream): void {
    if (!stream.inControlQueue) {
      stream.inControlQueue = true;
      this.#controlQueue.push(stream);
    }
    this.#schedule();
  }

  /** Queues a stream that has data or FIN to send, and credit for it. */
  queueData(stream: Stream): void {
    if (!stream.inDataQueue) {
      stream.inDataQueue = true;
      this.#dataQueue.push(stream);
    }
    this.#schedule();
  }

  /**
   * Refuses a stream of the peer with `code`.
   * @throws FairleadError stream.limit when the peer keeps opening streams without reading the refusals.
   */
  refuse(id: number, code: ErrorCode): void {
    if (this.#refusals.length >= MAX_REFUSALS) throw new FairleadError("stream.limit");
    this.#refusals.push({ id, code });
    this.#schedule();
  }

  /** Queues a GOAWAY frame. */
  goaway(frame: Uint8Array): void {
    this.#goaway = frame;
    this.#schedule();
  }

  /** Schedules a flush even if nothing is left to send. */
  wake(): void {
    this.#schedule();
  }

  /** Sends a last frame at once, despite backpressure, in place of everything that waits. */
  sendLast(frame: Uint8Array): void {
    this.#batch.clear();
    if (this.#hello !== null) this.#batch.add(this.#hello);
    this.#batch.add(frame);
    this.#effects.send(this.#batch.chunks());
    this.stop();
  }

  /** Sends nothing from here on, and releases every stream. */
  stop(): void {
    this.#stopped = true;
    this.#batch.clear();
    this.#controlQueue.clear();
    this.#dataQueue.clear();
    this.#refusals.clear();
  }

  /** The layer below takes chunks again. */
  drained(): void {
    this.#blocked = false;
    this.#write();
  }

  /** Sends what waits. `effects.schedule` asks for this call. */
  flush(): void {
    this.#scheduled = false;
    this.#write();
  }

  #write(): void {
    this.#writing = true;
    while (!this.#blocked && !this.#stopped) {
      this.#fill();
      if (this.#batch.bytes === 0) break;
      this.#blocked = !this.#effects.send(this.#batch.chunks());
      this.#batch.clear();
    }
    this.#writing = false;
  }

  #fill(): void {
    const batch = this.#batch;
    if (this.#hello !== null) batch.add(this.#hello);
    this.#hello = null;
    if (!this.#isOpen || !this.#fillControl()) return;
    if (this.#goaway !== null) batch.add(this.#goaway);
    this.#goaway = null;
    // Whole quanta only: a stream at the end of a batch would get less than the others.
    while (batch.room >= QUANTUM_BYTES + 2 * HEADER_BYTES) {
      const stream = this.#dataQueue.shift();
      if (stream === undefined) return;
      stream.inDataQueue = false;
      // A stream that is alone takes the rest of the batch: fewer frames, and no other stream waits for it.
      const limit = this.#dataQueue.length === 0 ? batch.room - 2 * HEADER_BYTES : QUANTUM_BYTES;
      if (stream.writeData(batch, limit)) this.queueData(stream);
    }
  }

  /** Adds control frames. Returns false when some are left: data must not overtake them. */
  #fillControl(): boolean {
    const batch = this.#batch;
    while (this.#refusals.length > 0 && batch.room > MAX_CONTROL) {
      const refusal = this.#refusals.shift();
      if (refusal !== undefined) batch.add(encodeReset(refusal.id, new FairleadError(refusal.code)));
    }
    while (batch.room > 2 * MAX_CONTROL) {
      const stream = this.#controlQueue.shift();
      if (stream === undefined) return this.#refusals.length === 0;
      stream.inControlQueue = false;
      const sendsReset = stream.resetPending;
      stream.writeControl(batch);
      if (sendsReset) this.#resetSent(stream);
    }
    return false;
  }

  #schedule(): void {
    // While writing, the loop there takes what was queued; while blocked, `drained` does.
    if (this.#scheduled || this.#writing || this.#blocked || this.#stopped) return;
    this.#scheduled = true;
    this.#effects.schedule();
  }
}

// A batch must hold a frame of every type, and a quantum.
if (BATCH_BYTES < 2 * MAX_CONTROL + QUANTUM_BYTES) throw new RangeError("batches are too small");
