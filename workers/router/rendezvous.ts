/**
 * The rendezvous of a router: pairs the two dials of each lane. Pure. A lane has exactly two sides; every
 * other dial is refused. The rendezvous forgets a lane once no ticket for it can be valid.
 */
import type { ErrorCode } from "../../protocol/errors.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";

/** How long the first side of a lane waits for the second, ms, unless its ticket says otherwise. */
export const MEET_MS = TIME_LIMITS.meeting.least;

/**
 * How long a lane is remembered after its last ticket expired, ms. The Worker that checks the expiry has
 * another clock, and its request takes time.
 */
export const MEMORY_MS = 60_000;

/** One side's dial of a lane, as its verified ticket says. */
export interface Dial {
  readonly session: string;
  readonly generation: number;
  readonly lane: number;
  readonly side: "a" | "b";
  /** Expiry of the ticket, ms. */
  readonly expires: number;
}

/** What the router does with a dial: keep it waiting, join it with the other side, or refuse it. */
export type DialOutcome =
  | { readonly kind: "wait" }
  | { readonly kind: "join" }
  | { readonly kind: "refuse"; readonly code: ErrorCode };

interface Entry {
  readonly session: string;
  readonly generation: number;
  readonly sides: Set<"a" | "b">;
  state: "waiting" | "joined" | "ended";
  forgetAt: number;
}

export const laneKey = (dial: Dial): string => `${dial.session}:${dial.generation}:${dial.lane}`;

export class Rendezvous {
  readonly #lanes = new Map<string, Entry>();
  /** Newest generation of each session. */
  readonly #newest = new Map<string, { generation: number; forgetAt: number }>();

  /**
   * Ends the lanes of older generations of a dial's session whose first side still waits: only the newest
   * generation may join.
   * @returns the keys of the ended lanes
   */
  endOlder(dial: Dial): string[] {
    const ended: string[] = [];
    for (const [key, entry] of this.#lanes) {
      const older = entry.session === dial.session && entry.generation < dial.generation;
      if (!older || entry.state !== "waiting") continue;
      entry.state = "ended";
      ended.push(key);
    }
    return ended;
  }

  /** Decides on a dial whose ticket was verified. */
  arrive(dial: Dial, now: number): DialOutcome {
    this.#forget(now);
    const newest = this.#newest.get(dial.session);
    if (newest && dial.generation < newest.generation) return { kind: "refuse", code: "ticket.stale" };
    const forgetAt = dial.expires + MEMORY_MS;
    this.#newest.set(dial.session, { generation: dial.generation, forgetAt });

    const key = laneKey(dial);
    const entry = this.#lanes.get(key);
    if (!entry) {
      const { session, generation, side } = dial;
      this.#lanes.set(key, { session, generation, sides: new Set([side]), state: "waiting", forgetAt });
      return { kind: "wait" };
    }
    entry.forgetAt = Math.max(entry.forgetAt, forgetAt);
    if (entry.state === "joined") return { kind: "refuse", code: "lane.taken" };
    if (entry.sides.has(dial.side)) return { kind: "refuse", code: "ticket.replayed" };
    if (entry.state === "ended") return { kind: "refuse", code: "lane.unmet" };
    entry.sides.add(dial.side);
    entry.state = "joined";
    return { kind: "join" };
  }

  /** Ends the wait of a lane's first side. @returns whether it was still waiting */
  endWait(dial: Dial): boolean {
    const entry = this.#lanes.get(laneKey(dial));
    if (entry?.state !== "waiting") return false;
    entry.state = "ended";
    return true;
  }

  /** Lanes in memory. */
  get size(): number {
    return this.#lanes.size;
  }

  #forget(now: number): void {
    for (const [key, entry] of this.#lanes) {
      if (entry.forgetAt <= now && entry.state !== "waiting") this.#lanes.delete(key);
    }
    for (const [session, newest] of this.#newest) {
      if (newest.forgetAt <= now) this.#newest.delete(session);
    }
  }
}
