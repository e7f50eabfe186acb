/** Time and size limits of uplinks, and the schedule of the sweep. Pure: the time is passed in. */
import { timeLimit } from "../../../protocol/time-limits.ts";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";

/**
 * Largest accepted difference between a connector's clock and the edge's, ms. Includes the message's transit
 * time.
 */
const CLOCK_TOLERANCE_MS = 10_000;

/** Whether a clock that is `ahead` of the edge's (ms; negative: behind) is reported as wrong. */
export function isClockWrong(ahead: number): boolean {
  return Math.abs(ahead) >= CLOCK_TOLERANCE_MS;
}

/** Longest time from an uplink's upgrade to its hello, ms. The round trip is not known yet. */
export const HELLO_MS = timeLimit("hello", null);

/** Most bytes that may wait in an uplink's send buffer. Beyond this, its connector has stopped reading. */
export const MAX_UNSENT = 8 * 1024 * 1024;

/** How long the offers of a lost instance stay, ms. Services thus survive a restart of the edge. */
export const OFFER_GRACE_MS = 60_000;

/** Interval of the sweep while the network is in use, ms. */
export const SWEEP_MS = 60_000;

/** Whether an uplink is alive: opened or last heard from less than {@link KEEPALIVE}.deadAfterMs ago. */
export function isUplinkAlive(heardAt: number, now: number): boolean {
  return now - heardAt < KEEPALIVE.deadAfterMs;
}

/**
 * The time of the next sweep, ms since 1970: for open sessions or lost offers. Null lets the registry sleep.
 */
export function nextSweep(facts: { sessions: number; lostAt: number | null }, now: number): number | null {
  const times: number[] = [];
  if (facts.sessions > 0) times.push(now + SWEEP_MS);
  if (facts.lostAt !== null) times.push(Math.max(now + 1, facts.lostAt + OFFER_GRACE_MS));
  return times.length > 0 ? Math.min(...times) : null;
}
