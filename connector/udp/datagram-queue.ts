/** Framed datagrams that wait for a stream. The oldest one is dropped for a newer one: a late datagram is of little use. */
import { Fifo } from "../../protocol/fifo.ts";

/** Most datagrams that wait for one stream, and most bytes of them. */
export const MAX_WAITING = 256;
export const MAX_WAITING_BYTES = 256 * 1024;

export class DatagramQueue {
  readonly #waiting = new Fifo<Uint8Array>();
  #bytes = 0;
  #dropped = 0;

  /** Number of datagrams that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait, with their prefixes. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Appends a datagram, and drops the oldest ones beyond the limits. The newest one always stays. */
  push(framed: Uint8Array): void {
    this.#waiting.push(framed);
    this.#bytes += framed.length;
    while (
      this.#waiting.length > MAX_WAITING ||
      (this.#bytes > MAX_WAITING_BYTES && this.#waiting.length > 1)
    ) {
      this.shift();
      this.#dropped++;
    }
  }

  /** Takes the oldest datagram; undefined when none waits. */
  shift(): Uint8Array | undefined {
    const framed = this.#waiting.shift();
    this.#bytes -= framed?.length ?? 0;
    return framed;
  }

  /** Takes every datagram, oldest first. */
  *drain(): Generator<Uint8Array> {
    for (let framed = this.shift(); framed !== undefined; framed = this.shift()) yield framed;
  }
}
