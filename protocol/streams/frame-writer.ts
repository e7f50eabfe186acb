/**
 * What a session sends, and in which order. Whatever is written in one turn of the event loop is gathered and
 * goes out in one flush: HELLO, then, once the peer has greeted, control frames, then data, a turn of
 * {@link TURN_BYTES} to each stream that has some, round and round. So a small write waits for one turn of each
 * busy stream and no more.
 *
 * When the layer below asks to wait, everything stays here, bounded: control is a few frames per stream, data
 * `SEND_BUFFER` and one write per stream.
 */
import { type ErrorCode, FairleadError } from "../errors.ts";
import { Fifo } from "./fifo.ts";
import { BATCH_BYTES, FrameBatch } from "./frame-batch.ts";
import { encodeReset, HEADER_BYTES, MAX_CONTROL } from "./frames.ts";
import { type Stream, TURN_BYTES } from "./stream.ts";

/** Streams refused for want of room, with the RESET not yet sent, before the session is ended. */
const MAX_REFUSED = 1024;

export interface MultiplexerEffects {
  /** Writes the chunks, in order, as one. False asks to wait for `drained()`; they are taken all the same. */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Asks for a call of `flush()` once, after this turn of the event loop. */
  schedule(): void;
}

export class FrameWriter {
  readonly #effects: MultiplexerEffects;
  readonly #resetSent: (stream: Stream) => void;
  readonly #batch = new FrameBatch();
  /** HELLO until it went out. */
  #hello: Uint8Array | null;
  /** GOAWAY from when it is due until it went out. */
  #goaway: Uint8Array | null = null;
  readonly #controlRow = new Fifo<Stream>();
  readonly #dataRow = new Fifo<Stream>();
  readonly #refused = new Fifo<{ readonly id: number; readonly code: ErrorCode }>();
  /** Until the peer's HELLO only ours may go out. */
  #greeted = false;
  #blocked = false;
  #scheduled = false;
  #writing = false;
  #stopped = false;

  /** @param resetSent called when the RESET of a stream that was reset here went out */
  constructor(effects: MultiplexerEffects, hello: Uint8Array, resetSent: (stream: Stream) => void) {
    this.#effects = effects;
    this.#hello = hello;
    this.#resetSent = resetSent;
    this.#schedule();
  }

  /** Whether nothing but data is left to send. */
  get controlSent(): boolean {
    return this.#goaway === null && this.#controlRow.length === 0 && this.#refused.length === 0;
  }

  /** The peer has greeted: everything may go out. */
  greeted(): void {
    this.#greeted = true;
    this.#schedule();
  }

  /** The stream has control frames to send. */
  control(stream: Stream): void {
    if (!stream.inControlRow) {
      stream.inControlRow = true;
      this.#controlRow.push(stream);
    }
    this.#schedule();
  }

  /** The stream has data or FIN to send, and credit for it. */
  data(stream: Stream): void {
    if (!stream.inDataRow) {
      stream.inDataRow = true;
      this.#dataRow.push(stream);
    }
    this.#schedule();
  }

  /**
   * Refuses the peer's stream with `code`.
   * @throws FairleadError stream.limit when the peer goes on opening without reading the refusals.
   */
  refuse(id: number, code: ErrorCode): void {
    if (this.#refused.length >= MAX_REFUSED) throw new FairleadError("stream.limit");
    this.#refused.push({ id, code });
    this.#schedule();
  }

  goaway(frame: Uint8Array): void {
    this.#goaway = frame;
    this.#schedule();
  }

  /** Calls for a flush even if there is nothing to send. */
  wake(): void {
    this.#schedule();
  }

  /** Sends a last frame now, whatever waits and whether the layer below takes it or not. */
  sendLast(frame: Uint8Array): void {
    this.#batch.clear();
    if (this.#hello !== null) this.#batch.add(this.#hello);
    this.#batch.add(frame);
    this.#effects.send(this.#batch.chunks());
    this.stop();
  }

  /** Sends nothing more and lets go of every stream. */
  stop(): void {
    this.#stopped = true;
    this.#batch.clear();
    this.#controlRow.clear();
    this.#dataRow.clear();
    this.#refused.clear();
  }

  drained(): void {
    this.#blocked = false;
    this.#write();
  }

  /** The answer to `effects.schedule`. */
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
    if (!this.#greeted || !this.#fillControl()) return;
    if (this.#goaway !== null) batch.add(this.#goaway);
    this.#goaway = null;
    // Whole turns only: a stream whose turn was the end of a batch would get less than the others.
    while (batch.room >= TURN_BYTES + 2 * HEADER_BYTES) {
      const stream = this.#dataRow.shift();
      if (stream === undefined) return;
      stream.inDataRow = false;
      // Alone, it takes what is left of the batch: fewer frames, and nobody waits longer for it.
      const limit = this.#dataRow.length === 0 ? batch.room - 2 * HEADER_BYTES : TURN_BYTES;
      if (stream.writeData(batch, limit)) this.data(stream);
    }
  }

  /** False when control frames are left: data must not overtake them. */
  #fillControl(): boolean {
    const batch = this.#batch;
    while (this.#refused.length > 0 && batch.room > MAX_CONTROL) {
      const refused = this.#refused.shift();
      if (refused !== undefined) batch.add(encodeReset(refused.id, new FairleadError(refused.code)));
    }
    while (batch.room > 2 * MAX_CONTROL) {
      const stream = this.#controlRow.shift();
      if (stream === undefined) return this.#refused.length === 0;
      stream.inControlRow = false;
      const resets = stream.resetWaits;
      stream.writeControl(batch);
      if (resets) this.#resetSent(stream);
    }
    return false;
  }

  #schedule(): void {
    // While writing, the loop there comes round to it; while blocked, `drained` does.
    if (this.#scheduled || this.#writing || this.#blocked || this.#stopped) return;
    this.#scheduled = true;
    this.#effects.schedule();
  }
}

// A batch must hold a frame of every kind, and a turn.
if (BATCH_BYTES < 2 * MAX_CONTROL + TURN_BYTES) throw new RangeError("batches are too small");
