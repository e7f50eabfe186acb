/**
 * Absent peers: sessions that one process wants to resume while the other's uplink is closed. Each is checked
 * again when the peer's grace ends. The timers are in memory and keep the object awake for at most one grace.
 */
export class AbsentPeers {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Calls `check` after `ms`, unless a timer of the session is pending. */
  watch(session: string, ms: number, check: () => void): void {
    if (this.#timers.has(session)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(session);
      check();
    }, ms);
    this.#timers.set(session, timer);
  }
}
