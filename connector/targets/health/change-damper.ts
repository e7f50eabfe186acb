/**
 * Limits how often the state of an offer changes in the registry. Each change is written there and announced to every
 * site, so a target that flaps must not cause a change each time.
 *
 * A withdrawal waits until a second has passed since the last change. A return waits as long, twice as long after the
 * second withdrawal within {@link FORGET_MS}, and so on up to {@link LONGEST_MS}. Jitter spreads the sites whose targets
 * return together.
 */

/** The least time between two changes, ms; each wait is up to {@link SPREAD} longer. */
export const LEAST_MS = 1000;

/** The longest wait of a return, ms. */
export const LONGEST_MS = 30_000;

/** Time without a withdrawal after which the earlier ones no longer count, ms. */
export const FORGET_MS = 120_000;

const SPREAD = 0.5;

export class ChangeDamper {
  readonly #random: () => number;
  #changedAt = Number.NEGATIVE_INFINITY;
  #withdrawnAt = Number.NEGATIVE_INFINITY;
  #withdrawals = 0;
  /** What the wait of the next change is multiplied by. Drawn once per change, so that asking again does not alter it. */
  #factor: number;

  /** @param random 0 ≤ random() < 1 */
  constructor(random: () => number) {
    this.#random = random;
    this.#factor = this.#draw();
  }

  /** When a change that is wanted now may be made, ms; not after `now` if it may be made at once. */
  dueAt(isWithdrawal: boolean, now: number): number {
    if (this.#withdrawals === 0) return now;
    const repeats = Math.max(0, this.#withdrawals - 1);
    const wait = isWithdrawal ? LEAST_MS : Math.min(LONGEST_MS, LEAST_MS * 2 ** Math.min(repeats, 20));
    return this.#changedAt + wait * this.#factor;
  }

  /** Call this when the change was made. */
  note(isWithdrawal: boolean, now: number): void {
    if (isWithdrawal) {
      if (now - this.#withdrawnAt >= FORGET_MS) this.#withdrawals = 0;
      this.#withdrawals += 1;
      this.#withdrawnAt = now;
    }
    this.#changedAt = now;
    this.#factor = this.#draw();
  }

  #draw(): number {
    return 1 + SPREAD * this.#random();
  }
}
