/** How long to wait before trying again. */

export interface BackoffOptions {
  /** Upper bound of the first wait, ms; it doubles with each failure. */
  readonly base: number;
  /** Largest upper bound, ms. */
  readonly cap: number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/**
 * Exponential backoff with full jitter: each wait is anywhere between zero and the bound, so that the sites
 * of a restarted edge come back spread out.
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

  /** The longest that the last wait could have been, ms; 0 before the first. */
  get bound(): number {
    const { base, cap } = this.#options;
    // 2 ** 30 is beyond any cap and still exact.
    return this.#failures === 0 ? 0 : Math.min(cap, base * 2 ** Math.min(this.#failures - 1, 30));
  }

  /** Forgets the failures. */
  reset(): void {
    this.#failures = 0;
  }
}
