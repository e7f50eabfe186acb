/**
 * Sessions whose one process asked for lanes while the other's uplink was closed: each is checked at once more when the
 * other's grace is over. With timers of the object's memory: they keep it awake for as long as a grace at the most.
 */
export class AbsentPeers {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Calls `check` in `ms`, unless the session is waited for already. */
  watch(session: string, ms: number, check: () => void): void {
    if (this.#timers.has(session)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(session);
      check();
    }, ms);
    this.#timers.set(session, timer);
  }
}
