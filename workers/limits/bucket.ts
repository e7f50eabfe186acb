/** A token bucket that may go into debt. Pure: the time is passed in. */

/** The capacity of a bucket and its refill rate. */
export interface Rate {
  /** Units available at once when the bucket is full. */
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket. */
export class Bucket {
  readonly #rate: Rate;
  /** When the bucket is full again, ms. */
  #fullAt = 0;
  /** The latest time that was passed in, ms. If the clock is set back, the bucket's times move with it. */
  #seenAt = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Time until `count` can be taken without debt, ms; 0 if now. */
  wait(count: number, now: number): number {
    this.#followClock(now);
    const { burst, perSecond } = this.#rate;
    const full = Math.max(this.#fullAt, now) + (count / perSecond) * 1000;
    return Math.max(0, Math.ceil(full - now - (burst / perSecond) * 1000));
  }

  /**
   * Takes `count`, going into debt if necessary. @returns the time until the debt is repaid, ms; 0 without
   * debt
   */
  take(count: number, now: number): number {
    const wait = this.wait(count, now);
    this.#fullAt = Math.max(this.#fullAt, now) + (count / this.#rate.perSecond) * 1000;
    return wait;
  }

  /** Takes `count` if that is possible without debt. */
  spend(count: number, now: number): boolean {
    if (this.wait(count, now) > 0) return false;
    this.take(count, now);
    return true;
  }

  isFull(now: number): boolean {
    this.#followClock(now);
    return this.#fullAt <= now;
  }

  #followClock(now: number): void {
    if (now < this.#seenAt) this.#fullAt -= this.#seenAt - now;
    this.#seenAt = now;
  }
}
