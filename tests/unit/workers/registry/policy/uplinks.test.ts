import { describe, expect, it } from "vitest";
import {
  isUplinkAlive,
  nextSweep,
  OFFER_GRACE_MS,
  SWEEP_MS,
} from "../../../../../workers/registry/policy/uplinks.ts";

const NOW = 1_000_000;

describe("an uplink", () => {
  it("is alive for 45 s after it was opened or last heard from", () => {
    expect(isUplinkAlive(NOW, NOW + 44_999)).toBe(true);
    expect(isUplinkAlive(NOW, NOW + 45_000)).toBe(false);
  });
});

describe("the sweep", () => {
  it("lets an idle network sleep", () => {
    expect(nextSweep({ sessions: 0, lostAt: null }, NOW)).toBeNull();
  });
  it("runs every minute while the network is in use", () => {
    expect(nextSweep({ sessions: 1, lostAt: null }, NOW)).toBe(NOW + SWEEP_MS);
  });
  it("runs when the grace of a lost instance ends, and never in the past", () => {
    expect(nextSweep({ sessions: 0, lostAt: NOW - 10 }, NOW)).toBe(NOW - 10 + OFFER_GRACE_MS);
    expect(nextSweep({ sessions: 0, lostAt: NOW - 2 * OFFER_GRACE_MS }, NOW)).toBe(NOW + 1);
  });
});
