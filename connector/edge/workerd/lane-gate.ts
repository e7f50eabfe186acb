/**
 * Decides whether workerd accepts lanes on a port of its own. There, bytes bypass the front, but workerd
 * closes no silent connection (1.20261117, November 2026) and ends when it is out of descriptors. So the port
 * is open only with many descriptors, is closed when half of them are in use, and opened again later.
 */

/** Fewest descriptors for opening the port. */
export const MIN_DESCRIPTORS = 4_096;
/** How long the port stays closed the first time, ms. Doubles each time, up to the longest pause. */
const FIRST_PAUSE_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;

export class LaneGate {
  readonly #limit: number;
  #open: boolean;
  #pause = FIRST_PAUSE_MS;
  /** When it was opened, or will be opened again, ms. */
  #at = 0;

  /** @param limit most descriptors of workerd */
  constructor(limit: number) {
    this.#limit = limit;
    this.#open = limit >= MIN_DESCRIPTORS;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether the port can be open at all. */
  get possible(): boolean {
    return this.#limit >= MIN_DESCRIPTORS;
  }

  /**
   * Observes the number of workerd's descriptors.
   *
   * @returns whether the port must be opened or closed now
   */
  observe(descriptors: number, now: number): boolean {
    if (this.#open) return descriptors > this.#limit / 2 && this.withdraw(now);
    if (!this.possible || now < this.#at) return false;
    this.#open = true;
    this.#at = now;
    return true;
  }

  /**
   * Closes the port, for longer than the last time unless it was open for long.
   * @returns whether it was open
   */
  withdraw(now: number): boolean {
    if (!this.#open) return false;
    if (now - this.#at > this.#pause) this.#pause = FIRST_PAUSE_MS;
    this.#open = false;
    this.#at = now + this.#pause;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    return true;
  }
}
