import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBuckets } from "../../../../workers/limits/token-buckets.ts";

describe("TokenBuckets", () => {
  const options = { burst: 3, perSecond: 2, clients: 10 };

  it("admits a burst, then returns the wait until the next token", () => {
    const buckets = new TokenBuckets(options);
    expect([1, 2, 3, 4].map(() => buckets.take("a", 1000))).toEqual([0, 0, 0, 500]);
    expect(buckets.take("b", 1000)).toBe(0);
  });

  it("refills a bucket over time up to the burst", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 4; at++) buckets.take("a", 0);
    expect(buckets.take("a", 499)).toBeGreaterThan(0);
    expect(buckets.take("a", 500)).toBe(0);
    expect([1, 2, 3, 4].map(() => buckets.take("a", 1_000_000))).toEqual([0, 0, 0, 500]);
  });

  it("takes no token when it is asked for the wait", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 10; at++) expect(buckets.wait("a", 0)).toBe(0);
  });

  it("adds no tokens when the clock goes back", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 3; at++) buckets.take("a", 10_000);
    expect(buckets.take("a", 0)).toBeGreaterThan(0);
  });

  it("drops the least recently used client of a full table", () => {
    const buckets = new TokenBuckets({ ...options, burst: 1 });
    for (let at = 0; at < 1000; at++) buckets.take(`client ${at}`, 0);
    expect(buckets.size).toBe(10);
    expect(buckets.take("client 999", 0)).toBeGreaterThan(0);
    expect(buckets.take("client 0", 0)).toBe(0);
  });

  it("admits at most what burst and rate allow", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 200 }), (steps) => {
        const buckets = new TokenBuckets(options);
        let now = 0;
        let taken = 0;
        for (const step of steps) {
          now += step;
          if (buckets.take("a", now) === 0) taken++;
        }
        expect(taken).toBeLessThanOrEqual(options.burst + (now / 1000) * options.perSecond + 1e-6);
      }),
    );
  });
});
