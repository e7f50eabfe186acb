/** The wait before the next attempt. */

export interface BackoffOptions {
  /** Upper bound of the first wait, ms; it doubles with each failure. */
  readonly base: number;
  /** Largest upper bound, ms. */
  readonly cap: number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/**
 * Exponential backoff with full jitter: each wait is random between zero and the bound, so that sites return
 * spread out to an edge that restarted.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next wait, ms. */
  next(): number {
    this.#failures += 1;
    return Math.floor(this.#options.random() * this.bound);
  }

  /** The bound of the last wait, ms; 0 before the first. */
  get bound(): number {
    const { base, cap } = this.#options;
    // 2 ** 30 exceeds every cap and is exact.
    return this.#failures === 0 ? 0 : Math.min(cap, base * 2 ** Math.min(this.#failures - 1, 30));
  }

  /** Restarts at the base. */
  reset(): void {
    this.#failures = 0;
  }
}
