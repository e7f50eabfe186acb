import { describe, expect, it } from "vitest";
import { pathRoundTrip, TIME_LIMITS, type TimeLimitName, timeLimit } from "../../../protocol/time-limits.ts";

const names = Object.keys(TIME_LIMITS) as TimeLimitName[];

describe("timeLimit", () => {
  it("is the minimum on a fast path", () => {
    for (const name of names) expect(timeLimit(name, 20)).toBe(TIME_LIMITS[name].least);
  });

  it("never falls as the round trip grows, and stops at the ceiling", () => {
    for (const name of names) {
      let before = 0;
      for (let roundTrip = 0; roundTrip < 60_000; roundTrip += 100) {
        const limit = timeLimit(name, roundTrip);
        expect(limit).toBeGreaterThanOrEqual(before);
        before = limit;
      }
      expect(timeLimit(name, Number.MAX_SAFE_INTEGER)).toBe(TIME_LIMITS[name].most);
    }
  });

  it("allows twice the round trips of each operation, at three seconds each", () => {
    const steps = {
      dial: 6,
      welcome: 1,
      request: 6,
      session: 11,
      lane: 6,
      meeting: 6,
      ticket: 6,
      pending: 11,
    };
    for (const [name, roundTrips] of Object.entries(steps))
      expect(timeLimit(name as TimeLimitName, 3000)).toBeGreaterThanOrEqual(2 * roundTrips * 3000);
  });

  it("bounds the wait of a client on a fast path at 5 s, and at 10 s after its bytes were sent", () => {
    expect(timeLimit("instance", 20) + timeLimit("silence", 20)).toBeLessThanOrEqual(5000);
    expect(timeLimit("longSilence", 20)).toBeLessThan(10_000);
    expect(timeLimit("onlyInstance", 20)).toBeLessThan(10_000);
  });

  it("lets a target take 10 s before an OPEN is given up", () => {
    for (const roundTrip of [0, 500, 1000, 3000])
      expect(timeLimit("open", roundTrip)).toBeGreaterThan(10_000 + 2 * roundTrip);
  });

  it("has a value before the first measurement, which is 60 s for a dial", () => {
    for (const name of names) expect(timeLimit(name, null)).toBeGreaterThanOrEqual(TIME_LIMITS[name].least);
    expect(timeLimit("dial", null)).toBe(60_000);
  });
});

describe("pathRoundTrip", () => {
  it("is the sum of both connectors' round trips to the edge", () => {
    expect(pathRoundTrip(20, 300)).toBe(320);
    expect(pathRoundTrip(null, 300)).toBe(300);
    expect(pathRoundTrip(null, null)).toBeNull();
  });
});
