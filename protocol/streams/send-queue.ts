/** The send queue of a stream: bytes that were written and not yet sent. */

import { Fifo } from "../fifo.ts";
import type { FrameBatch } from "./frame-batch.ts";

/** The send queue of one stream. */
export class SendQueue {
  readonly #chunks = new Fifo<Uint8Array>();
  #bytes = 0;
  /** Bytes of the first chunk that were sent already. */
  #sentOfFirst = 0;

  /** Bytes in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends a chunk, which the caller must not change afterwards. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Moves the first `size` bytes into a batch, as slices. */
  moveTo(batch: FrameBatch, size: number): void {
    let left = size;
    while (left > 0) {
      const first = this.#chunks.peek();
      if (first === undefined) throw new RangeError("the send queue holds less than it counts");
      const end = this.#sentOfFirst + left;
      if (end < first.length) {
        batch.add(first.subarray(this.#sentOfFirst, end));
        this.#sentOfFirst = end;
        break;
      }
      batch.add(this.#sentOfFirst === 0 ? first : first.subarray(this.#sentOfFirst));
      left -= first.length - this.#sentOfFirst;
      this.#sentOfFirst = 0;
      this.#chunks.shift();
    }
    this.#bytes -= size;
  }

  /** Drops every byte. */
  clear(): void {
    this.#chunks.clear();
    this.#bytes = 0;
    this.#sentOfFirst = 0;
  }
}
