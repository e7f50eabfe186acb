/** Bytes of a head or a header block that has not arrived in full. Bounded for each, and for all of a connector. */
import { ObservationError } from "./observation-error.ts";

/** Most bytes of all partial heads of a connector. */
const MAX_TOTAL = 16 * 1024 * 1024;
const FIRST_BYTES = 512;

/** The bytes that all {@link PartialBytes} of a connector may take. */
export class PartialBytesBudget {
  #left: number;

  constructor(bytes = MAX_TOTAL) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** @throws ObservationError when fewer bytes are left. */
  take(bytes: number): void {
    if (bytes > this.#left) throw new ObservationError("Too many partial heads are held.");
    this.#left -= bytes;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

export class PartialBytes {
  readonly #budget: PartialBytesBudget;
  readonly #most: number;
  /** Null while nothing is held. */
  #buffer: Buffer | null = null;
  #length = 0;

  /** @param most the most bytes that are held at once */
  constructor(budget: PartialBytesBudget, most: number) {
    this.#budget = budget;
    this.#most = most;
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes, until the next change. */
  get bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }

  /** Copies bytes behind those that are held. @throws ObservationError when they are too many. */
  append(from: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#most) throw new ObservationError("A head is too large.");
    const capacity = this.#buffer?.length ?? 0;
    if (length > capacity) {
      const grown = Math.min(this.#most, Math.max(FIRST_BYTES, capacity * 2, length));
      this.#budget.take(grown - capacity);
      // Not from the pool: a small slice would keep a whole block of the pool alive.
      const buffer = Buffer.allocUnsafeSlow(grown);
      this.#buffer?.copy(buffer, 0, 0, this.#length);
      this.#buffer = buffer;
    }
    this.#buffer?.set(from.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** Frees what is held. */
  clear(): void {
    if (this.#buffer === null) return;
    this.#budget.giveBack(this.#buffer.length);
    this.#buffer = null;
    this.#length = 0;
  }
}
