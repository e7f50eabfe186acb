/**
 * Guards comparisons of times against a clock that is set back. A time in the future counts as the moment at
 * which it was first seen. No limit is thus exceeded, however far the clock was set back.
 */
export class ClockStepGuard<K extends object> {
  readonly #ahead = new WeakMap<K, { readonly at: number; readonly seenAt: number }>();

  /**
   * Returns `at` if it is past; otherwise the moment at which it was first seen. Times in ms since 1970, same
   * clock.
   */
  past(key: K, at: number, now: number): number {
    if (at <= now) return at;
    const known = this.#ahead.get(key);
    if (known !== undefined && known.at === at && known.seenAt <= now) return known.seenAt;
    this.#ahead.set(key, { at, seenAt: now });
    return now;
  }
}
