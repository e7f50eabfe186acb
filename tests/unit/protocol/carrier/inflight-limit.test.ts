import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InflightLimit } from "../../../../protocol/carrier/inflight-limit.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Sends as much as is allowed over a path of a rate (bytes per ms) and a round trip (ms) for a time (ms), and gives
 * the bytes delivered in its second half and the most that was under way.
 */
function run(flight: InflightLimit, path: { rate: number; roundTrip: number; ms: number; from?: number }) {
  let sent = 0;
  let arrived = 0;
  let acked = 0;
  let most = 0;
  let atHalf = 0;
  const acks: { at: number; upTo: number }[] = [];
  const start = path.from ?? 0;
  for (let now = start; now < start + path.ms; now++) {
    while (acks[0] !== undefined && acks[0].at <= now) {
      acked = acks.shift()?.upTo ?? acked;
      flight.acknowledged(acked, now);
    }
    for (;;) {
      const size = Math.min(64 * KIB, acked + flight.limit - sent);
      if (size <= 0) break;
      sent += size;
      flight.sent(sent, acked, now);
    }
    most = Math.max(most, sent - acked);
    arrived = Math.min(sent, arrived + path.rate);
    acks.push({ at: now + path.roundTrip, upTo: arrived });
    if (now - start === Math.floor(path.ms / 2)) atHalf = arrived;
  }
  return { rate: (arrived - atHalf) / (path.ms / 2), most };
}

describe("the flight", () => {
  it("stays at its least on a path that holds less", () => {
    const flight = new InflightLimit();
    const { most, rate } = run(flight, { rate: 200 * KIB, roundTrip: 1, ms: 3000 });
    expect(rate).toBeGreaterThan(199 * KIB);
    expect(most).toBe(MIB);
  });

  it("grows until a long fat path is full, and little further", () => {
    const path = { rate: 100 * KIB, roundTrip: 100, ms: 6000 };
    const { most, rate } = run(new InflightLimit(), path);
    expect(rate).toBeGreaterThan(0.95 * path.rate);
    expect(most).toBeLessThan(2.5 * path.rate * path.roundTrip);
  });

  it("fills any path and never queues more than twice what it holds, or its least", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        (kibPerMs, roundTrip) => {
          const path = { rate: kibPerMs * KIB, roundTrip, ms: 20 * roundTrip + 500 };
          const { most, rate } = run(new InflightLimit(), path);
          expect(rate).toBeGreaterThan(0.85 * path.rate);
          expect(most).toBeLessThanOrEqual(Math.max(MIB, 2.6 * path.rate * (roundTrip + 5)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does not take its own queue for the path", () => {
    const flight = new InflightLimit();
    flight.measured(1, true);
    for (let n = 1; n < 100; n++) {
      flight.sent(n * MIB, (n - 1) * MIB, n * 50);
      flight.acknowledged(n * MIB, n * 50 + 40);
    }
    flight.measured(40, false);
    expect(flight.roundTrip).toBe(1);
    expect(flight.limit).toBe(MIB);
  });

  it("believes a longer round trip when nothing else was under way", () => {
    const flight = new InflightLimit(64 * KIB);
    flight.measured(1, true);
    const before = run(flight, { rate: 100 * KIB, roundTrip: 1, ms: 500 });
    flight.measured(80, true);
    expect(flight.roundTrip).toBe(80);
    expect(flight.limit).toBeGreaterThan(before.most);
  });

  it("is a whole number of bytes, whatever was measured", () => {
    const flight = new InflightLimit(1000);
    flight.measured(33.3, true);
    run(flight, { rate: 7777, roundTrip: 33, ms: 400 });
    expect(flight.limit).toBeGreaterThan(1000);
    expect(Number.isInteger(flight.limit)).toBe(true);
  });

  it("forgets a rate that is not seen for long", () => {
    const flight = new InflightLimit(64 * KIB);
    run(flight, { rate: 300 * KIB, roundTrip: 20, ms: 1000 });
    const high = flight.limit;
    for (let n = 0; n < 500; n++) {
      flight.sent(10 ** 9 + n * KIB, 10 ** 9 + (n - 1) * KIB, 2000 + n * 50);
      flight.acknowledged(10 ** 9 + n * KIB, 2000 + n * 50 + 20);
    }
    expect(flight.limit).toBeLessThan(high / 4);
  });

  it("learns anew on other lanes, and takes what they acknowledge at once for no rate", () => {
    const flight = new InflightLimit(64 * KIB);
    flight.measured(100, true);
    flight.sent(8 * MIB, 0, 0);
    flight.moved();
    expect(flight.roundTrip).toBeNull();
    flight.acknowledged(8 * MIB, 1);
    expect(flight.limit).toBe(64 * KIB);
  });
});
