/**
 * Events that one connector of a site records, although each of them sees what there is to tell. One that does not lead
 * keeps its Events for a while: by then the leader has recorded them, or is gone and this connector leads.
 */
import type { ClusterEvent, EventRecorder, Leadership } from "./cluster.ts";

/** How long Events are kept, ms: twice the time after which a dead leader is replaced. */
export const KEEP_MS = 60_000;
/** The most Events that are kept. */
const MAX_KEPT = 512;

export class LeaderEvents implements EventRecorder {
  readonly #events: EventRecorder;
  readonly #leadership: Leadership;
  readonly #now: () => number;
  #kept: { readonly event: ClusterEvent; readonly at: number }[] = [];

  /** @param now a clock that never goes back, ms */
  constructor(events: EventRecorder, leadership: Leadership, now: () => number = () => performance.now()) {
    this.#events = events;
    this.#leadership = leadership;
    this.#now = now;
    leadership.onChange(() => this.#recordKept());
  }

  record(event: ClusterEvent): void {
    if (this.#leadership.isLeader) this.#events.record(event);
    else this.#kept = [...this.#young(), { event, at: this.#now() }].slice(-MAX_KEPT);
  }

  #recordKept(): void {
    if (!this.#leadership.isLeader) return;
    for (const { event } of this.#young()) this.#events.record(event);
    this.#kept = [];
  }

  #young() {
    const oldest = this.#now() - KEEP_MS;
    return this.#kept.filter(({ at }) => at >= oldest);
  }
}
