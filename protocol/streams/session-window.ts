/** What the receive windows of one session share: sizes, the budget and the round trip. See credit.ts for the rules. */

import { type MemoryAccount, UNLIMITED } from "../memory-budget.ts";

/** Window of a stream when it opens, in bytes, unless the session is told otherwise. */
export const DEFAULT_WINDOW = 256 * 1024;
/** Largest window of a stream, in bytes. */
export const MAX_WINDOW = 8 * 1024 * 1024;
/** What the windows of a session may have above the initial one, all together, in bytes. */
export const SESSION_WINDOW = 64 * 1024 * 1024;
/** A round trip counts as at least this long, in ms. */
export const LEAST_ROUND_TRIP_MS = 4;

export interface SessionWindowOptions {
  /** Initial window of each stream, in bytes. */
  initial: number;
  /** What all windows may have above the initial one, in bytes. */
  budget?: number;
  /** What the peer's site may make this process hold; nothing limits it unless given. */
  memory?: MemoryAccount;
  /** A clock that never goes back, in ms, with fractions. */
  now: () => number;
}

/** What the windows of one session share: the budget and the round trip. */
export class SessionWindow {
  readonly initial: number;
  readonly largest: number;
  readonly now: () => number;
  readonly memory: MemoryAccount;
  readonly #budget: number;
  #free: number;
  /** Windows that have part of the budget. */
  #users = 0;
  /** Somebody got less than was asked for, and not much came back since. */
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

  /** Shortest round trip seen on this path, in ms, and at least {@link LEAST_ROUND_TRIP_MS}. */
  get roundTrip(): number {
    return Math.max(this.#roundTrip, LEAST_ROUND_TRIP_MS);
  }

  /** A round trip took `ms`, waiting included. */
  noteRoundTrip(ms: number): void {
    if (this.#roundTrip === 0 || ms < this.#roundTrip) this.#roundTrip = ms;
  }

  /** The session goes another way now: round trips are measured anew. */
  pathChanged(): void {
    this.#roundTrip = 0;
  }

  /** Largest window that a stream may keep at the moment. */
  get share(): number {
    return this.#short ? this.initial + Math.floor(this.#budget / Math.max(1, this.#users)) : this.largest;
  }

  /** Takes up to `bytes` of the budget for a window that has `before` of it; returns how many. */
  reserve(bytes: number, before: number): number {
    if (this.memory.tight) return 0;
    const got = Math.min(bytes, this.#free);
    if (got < bytes) this.#short = true;
    if (before === 0 && got > 0) this.#users++;
    this.#free -= got;
    return got;
  }

  /** Gives `bytes` back from a window that has `left` after it. */
  release(bytes: number, left: number): void {
    this.#free += bytes;
    if (left === 0) this.#users--;
    if (this.#free * 4 >= this.#budget) this.#short = false;
  }
}
