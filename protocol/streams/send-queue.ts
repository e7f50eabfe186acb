/** What a stream's user wrote and what has not gone out yet. */

import { Fifo } from "./fifo.ts";
import type { FrameBatch } from "./frame-batch.ts";

export class SendQueue {
  readonly #chunks = new Fifo<Uint8Array>();
  #bytes = 0;
  /** Bytes of the first chunk that went out already. */
  #gone = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes `chunk`, which must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Moves the first `size` bytes into the batch, as slices. */
  moveTo(batch: FrameBatch, size: number): void {
    let left = size;
    while (left > 0) {
      const first = this.#chunks.peek();
      if (first === undefined) throw new RangeError("the outbox holds less than it counts");
      const end = this.#gone + left;
      if (end < first.length) {
        batch.add(first.subarray(this.#gone, end));
        this.#gone = end;
        break;
      }
      batch.add(this.#gone === 0 ? first : first.subarray(this.#gone));
      left -= first.length - this.#gone;
      this.#gone = 0;
      this.#chunks.shift();
    }
    this.#bytes -= size;
  }

  clear(): void {
    this.#chunks.clear();
    this.#bytes = 0;
    this.#gone = 0;
  }
}
