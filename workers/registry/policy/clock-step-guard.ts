/**
 * Guards comparisons of times against a clock that was set back. A time that lies ahead of now counts as the moment at
 * which that was first seen, so that nothing lasts longer than its limit, however far the clock was set back.
 */
export class ClockStepGuard<K extends object> {
  readonly #ahead = new WeakMap<K, { readonly at: number; readonly seenAt: number }>();

  /** `at` if it is past; else when it was first seen to lie ahead. Times in ms since 1970, by the same clock. */
  past(key: K, at: number, now: number): number {
    if (at <= now) return at;
    const known = this.#ahead.get(key);
    if (known !== undefined && known.at === at && known.seenAt <= now) return known.seenAt;
    this.#ahead.set(key, { at, seenAt: now });
    return now;
  }
}
