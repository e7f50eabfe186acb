/**
 * Whether workerd takes lanes on a port of its own. There bytes take no way through the front, but workerd closes no
 * connection that says nothing (1.20261117) and ends when it is out of descriptors. So the port is open only where there
 * are many descriptors, it is taken away when half of them are in use, and given back later.
 */

/** Fewest descriptors with which the port is opened. */
export const MIN_DESCRIPTORS = 4_096;
/** From taking the port away to giving it back the first time, ms. Doubles each time, up to the longest. */
const FIRST_PAUSE_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;

export class LaneGate {
  readonly #limit: number;
  #open: boolean;
  #pause = FIRST_PAUSE_MS;
  /** When it was opened, or when it is to be opened again, ms. */
  #at = 0;

  /** @param limit descriptors that workerd may have */
  constructor(limit: number) {
    this.#limit = limit;
    this.#open = limit >= MIN_DESCRIPTORS;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether the port is ever open. */
  get possible(): boolean {
    return this.#limit >= MIN_DESCRIPTORS;
  }

  /**
   * Notes how many descriptors workerd has.
   *
   * @returns whether the port is to be opened or closed now
   */
  observe(descriptors: number, now: number): boolean {
    if (this.#open) return descriptors > this.#limit / 2 && this.withdraw(now);
    if (!this.possible || now < this.#at) return false;
    this.#open = true;
    this.#at = now;
    return true;
  }

  /** Closes the port, for longer than the last time unless that is long ago. @returns whether it was open */
  withdraw(now: number): boolean {
    if (!this.#open) return false;
    if (now - this.#at > this.#pause) this.#pause = FIRST_PAUSE_MS;
    this.#open = false;
    this.#at = now + this.#pause;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    return true;
  }
}
