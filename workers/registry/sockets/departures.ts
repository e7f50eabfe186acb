/**
 * Processes whose uplink closed while the registry ran. The kernel closes the connections of a process that ends, so one
 * that does not come back within a grace is gone, while one that only fell silent may still run. In memory alone: after
 * a restart of the edge every uplink is gone, and that says nothing of any process.
 */
import { type InstanceId, instanceKey } from "../../../protocol/instance-id.ts";
import { timeLimit } from "../../../protocol/time-limits.ts";

/** Departures that are remembered, and for how long, ms. */
const MAX_DEPARTURES = 10_000;
const MEMORY_MS = 15 * 60_000;

interface Departure {
  readonly at: number;
  readonly graceMs: number;
}

export class Departures {
  /** The oldest first. */
  readonly #left = new Map<string, Departure>();

  /** The process's only uplink closed; `roundTrip`: what it took to the edge, ms, null where not known. */
  note(instance: InstanceId, now: number, roundTrip: number | null): void {
    const key = instanceKey(instance);
    this.#left.delete(key);
    this.#left.set(key, { at: now, graceMs: timeLimit("absence", roundTrip) });
    for (const [oldest, { at }] of this.#left) {
      if (this.#left.size <= MAX_DEPARTURES && now - at < MEMORY_MS) break;
      this.#left.delete(oldest);
    }
  }

  /** The process is back. */
  forget(instance: InstanceId): void {
    this.#left.delete(instanceKey(instance));
  }

  /**
   * How long the process may still come back to a session, ms; 0 when it is gone, null when nothing can be told. Only
   * for a process that has had uplinks without a gap since before that, `since` (ms): what ended both ends' may have been the path or the edge.
   */
  graceLeft(instance: InstanceId, since: number, now: number): number | null {
    const departure = this.#left.get(instanceKey(instance));
    if (departure === undefined || since > departure.at) return null;
    return Math.max(0, departure.at + departure.graceMs - now);
  }
}
