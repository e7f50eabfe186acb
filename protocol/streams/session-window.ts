/** The window of a session: what the receive windows of its streams share (docs/protocol.md, "Credit"). */

import { type MemoryAccount, UNLIMITED } from "../memory-budget.ts";

/** Initial window of a stream unless the session has another one, bytes. */
export const DEFAULT_WINDOW = 256 * 1024;
/** Largest window of a stream, bytes. */
export const MAX_WINDOW = 8 * 1024 * 1024;
/** Budget of a session: what all windows together may have above the initial ones, bytes. */
export const SESSION_WINDOW = 64 * 1024 * 1024;
/** A round trip counts as at least this long, ms: below, event loops take longer than the path. */
export const MIN_ROUND_TRIP_MS = 4;

/** The options of a session window. */
export interface SessionWindowOptions {
  /** Initial window of each stream, bytes. */
  initial: number;
  /** The budget, bytes; {@link SESSION_WINDOW} unless given. */
  budget?: number;
  /** Counts the memory that the peer makes this side hold; unlimited unless given. */
  memory?: MemoryAccount;
  /** A monotonic clock, ms with fractions. */
  now: () => number;
}

/** The window of one session. */
export class SessionWindow {
  readonly initial: number;
  readonly largest: number;
  readonly now: () => number;
  readonly memory: MemoryAccount;
  readonly #budget: number;
  #free: number;
  /** Windows that have a part of the budget. */
  #users = 0;
  /** A window got less than it asked for, and less than a quarter of the budget is free since. */
  #short = false;
  #roundTrip = 0;

  constructor(options: SessionWindowOptions) {
    this.initial = options.initial;
    this.largest = Math.max(options.initial, MAX_WINDOW);
    this.now = options.now;
    this.memory = options.memory ?? UNLIMITED;
    this.#budget = options.budget ?? SESSION_WINDOW;
    this.#free = this.#budget;
  }

  /** Bytes of the budget in use. */
  get used(): number {
    return this.#budget - this.#free;
  }

  /** Min RTT of the present path, ms; {@link MIN_ROUND_TRIP_MS} at least. */
  get roundTrip(): number {
    return Math.max(this.#roundTrip, MIN_ROUND_TRIP_MS);
  }

  /** Notes a measured round trip, queueing included. */
  noteRoundTrip(ms: number): void {
    if (this.#roundTrip === 0 || ms < this.#roundTrip) this.#roundTrip = ms;
  }

  /** Forgets the round trip: the session uses another path now. */
  pathChanged(): void {
    this.#roundTrip = 0;
  }

  /** Largest window that a stream may keep now, bytes. */
  get share(): number {
    return this.#short ? this.initial + Math.floor(this.#budget / Math.max(1, this.#users)) : this.largest;
  }

  /** Takes up to `bytes` of the budget for a window that has `before` of it. Returns how many it took. */
  reserve(bytes: number, before: number): number {
    if (this.memory.tight) return 0;
    const got = Math.min(bytes, this.#free);
    if (got < bytes) this.#short = true;
    if (before === 0 && got > 0) this.#users++;
    this.#free -= got;
    return got;
  }

  /** Returns `bytes` to the budget from a window that keeps `left` of it. */
  release(bytes: number, left: number): void {
    this.#free += bytes;
    if (left === 0) this.#users--;
    if (this.#free * 4 >= this.#budget) this.#short = false;
  }
}
