import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InflightLimit } from "../../../../protocol/carrier/inflight-limit.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Sends as much as the limit allows over a path of a rate (bytes per ms) and a round trip (ms), for a time
 * (ms). Returns the rate of delivery in the second half of the time, and the most bytes in flight.
 */
function run(limit: InflightLimit, path: { rate: number; roundTrip: number; ms: number; from?: number }) {
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
      limit.noteAcked(acked, now);
    }
    for (;;) {
      const size = Math.min(64 * KIB, acked + limit.bytes - sent);
      if (size <= 0) break;
      sent += size;
      limit.noteSent(sent, acked, now);
    }
    most = Math.max(most, sent - acked);
    arrived = Math.min(sent, arrived + path.rate);
    acks.push({ at: now + path.roundTrip, upTo: arrived });
    if (now - start === Math.floor(path.ms / 2)) atHalf = arrived;
  }
  return { rate: (arrived - atHalf) / (path.ms / 2), most };
}

describe("InflightLimit", () => {
  it("stays at its minimum on a path with a smaller BDP", () => {
    const limit = new InflightLimit();
    const { most, rate } = run(limit, { rate: 200 * KIB, roundTrip: 1, ms: 3000 });
    expect(rate).toBeGreaterThan(199 * KIB);
    expect(most).toBe(MIB);
  });

  it("grows until a path with a large BDP is full, and little further", () => {
    const path = { rate: 100 * KIB, roundTrip: 100, ms: 6000 };
    const { most, rate } = run(new InflightLimit(), path);
    expect(rate).toBeGreaterThan(0.95 * path.rate);
    expect(most).toBeLessThan(2.5 * path.rate * path.roundTrip);
  });

  it("fills any path, and never exceeds about twice its BDP or the minimum", () => {
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

  it("does not take its own queue for a longer path", () => {
    const limit = new InflightLimit();
    limit.noteRoundTrip(1, true);
    for (let n = 1; n < 100; n++) {
      limit.noteSent(n * MIB, (n - 1) * MIB, n * 50);
      limit.noteAcked(n * MIB, n * 50 + 40);
    }
    limit.noteRoundTrip(40, false);
    expect(limit.roundTrip).toBe(1);
    expect(limit.bytes).toBe(MIB);
  });

  it("takes a longer round trip that was measured on an idle path", () => {
    const limit = new InflightLimit(64 * KIB);
    limit.noteRoundTrip(1, true);
    const before = run(limit, { rate: 100 * KIB, roundTrip: 1, ms: 500 });
    limit.noteRoundTrip(80, true);
    expect(limit.roundTrip).toBe(80);
    expect(limit.bytes).toBeGreaterThan(before.most);
  });

  it("is a whole number of bytes for any measurement", () => {
    const limit = new InflightLimit(1000);
    limit.noteRoundTrip(33.3, true);
    run(limit, { rate: 7777, roundTrip: 33, ms: 400 });
    expect(limit.bytes).toBeGreaterThan(1000);
    expect(Number.isInteger(limit.bytes)).toBe(true);
  });

  it("forgets a rate after two periods without it", () => {
    const limit = new InflightLimit(64 * KIB);
    run(limit, { rate: 300 * KIB, roundTrip: 20, ms: 1000 });
    const high = limit.bytes;
    for (let n = 0; n < 500; n++) {
      limit.noteSent(10 ** 9 + n * KIB, 10 ** 9 + (n - 1) * KIB, 2000 + n * 50);
      limit.noteAcked(10 ** 9 + n * KIB, 2000 + n * 50 + 20);
    }
    expect(limit.bytes).toBeLessThan(high / 4);
  });

  it("forgets the round trip on other lanes, and derives no rate from the acknowledgements with which they begin", () => {
    const limit = new InflightLimit(64 * KIB);
    limit.noteRoundTrip(100, true);
    limit.noteSent(8 * MIB, 0, 0);
    limit.pathChanged();
    expect(limit.roundTrip).toBeNull();
    limit.noteAcked(8 * MIB, 1);
    expect(limit.bytes).toBe(64 * KIB);
  });
});
