/**
 * The last streams and requests of a connector. It keeps what the relay made anyway, so adding costs one write; records
 * are made of it when somebody asks.
 */
import { endOf, type Recorded } from "./flow-records.ts";

/** The most streams and requests that are kept. */
export const RING_RECORDS = 10_000;

export class RecordRing {
  readonly #size: number;
  readonly #ring: Recorded[] = [];
  #next = 0;

  constructor(size = RING_RECORDS) {
    this.#size = size;
  }

  /** Adds a stream or a request that has ended. The oldest gives way. */
  add(recorded: Recorded): void {
    this.#ring[this.#next] = recorded;
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1;
  }

  /** What ended at `since` (ms since 1970) or later, newest first. */
  *newest(since = Number.NEGATIVE_INFINITY): Generator<Recorded> {
    for (let back = 1; back <= this.#ring.length; back++) {
      const recorded = this.#ring[(this.#next - back + this.#size) % this.#size];
      if (recorded === undefined || (endOf(recorded) ?? 0) < since) return;
      yield recorded;
    }
  }
}
