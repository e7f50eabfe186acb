/**
 * The retries that a service may cost: a share of its requests, and a few each second. Without a budget, retries would
 * double the load of a service at the moment when it fails.
 */

export const RETRY_BUDGET = {
  /** Retries for each request. */
  share: 0.2,
  /** Retries each second, whatever the number of requests. */
  perSecond: 10,
  /** How long a request adds to the budget, and a retry counts against it, s. */
  seconds: 10,
} as const;

export class RetryBudget {
  /** Requests, and retries, of each of the last seconds; the second `s` is at `s % seconds`. */
  readonly #requests = new Uint32Array(RETRY_BUDGET.seconds);
  readonly #retries = new Uint32Array(RETRY_BUDGET.seconds);
  /** The last second that was counted. */
  #second = 0;

  /** Counts a request. @param now by a clock that never goes back, ms */
  request(now: number): void {
    this.#count(this.#requests, this.#slot(now));
  }

  /** Takes one retry, if the budget has one left. */
  take(now: number): boolean {
    const slot = this.#slot(now);
    if (this.left < 1) return false;
    this.#count(this.#retries, slot);
    return true;
  }

  /** Retries that are left, as of the last call. */
  get left(): number {
    const { share, perSecond, seconds } = RETRY_BUDGET;
    return sum(this.#requests) * share + perSecond * seconds - sum(this.#retries);
  }

  #count(counts: Uint32Array, slot: number): void {
    counts[slot] = (counts[slot] ?? 0) + 1;
  }

  /** The slot of this second. Slots of seconds that have passed without a call are emptied. */
  #slot(now: number): number {
    const { seconds } = RETRY_BUDGET;
    const second = Math.floor(now / 1000);
    if (second - this.#second >= seconds) {
      this.#requests.fill(0);
      this.#retries.fill(0);
      this.#second = second;
    }
    while (this.#second < second) {
      const slot = ++this.#second % seconds;
      this.#requests[slot] = 0;
      this.#retries[slot] = 0;
    }
    return second % seconds;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
