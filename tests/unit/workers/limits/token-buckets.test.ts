import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientOf } from "../../../../workers/limits/client.ts";
import { TokenBuckets } from "../../../../workers/limits/token-buckets.ts";

describe("a token bucket", () => {
  const options = { burst: 3, perSecond: 2, clients: 10 };

  it("lets a burst through, then tells how long to wait", () => {
    const buckets = new TokenBuckets(options);
    expect([1, 2, 3, 4].map(() => buckets.take("a", 1000))).toEqual([0, 0, 0, 500]);
    expect(buckets.take("b", 1000)).toBe(0);
  });

  it("fills again with time, up to its burst", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 4; at++) buckets.take("a", 0);
    expect(buckets.take("a", 499)).toBeGreaterThan(0);
    expect(buckets.take("a", 500)).toBe(0);
    expect([1, 2, 3, 4].map(() => buckets.take("a", 1_000_000))).toEqual([0, 0, 0, 500]);
  });

  it("takes nothing when it is only asked", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 10; at++) expect(buckets.wait("a", 0)).toBe(0);
  });

  it("gains nothing from a clock that goes back", () => {
    const buckets = new TokenBuckets(options);
    for (let at = 0; at < 3; at++) buckets.take("a", 10_000);
    expect(buckets.take("a", 0)).toBeGreaterThan(0);
  });

  it("remembers no more clients than it may, and forgets whoever was not seen for longest", () => {
    const buckets = new TokenBuckets({ ...options, burst: 1 });
    for (let at = 0; at < 1000; at++) buckets.take(`client ${at}`, 0);
    expect(buckets.size).toBe(10);
    expect(buckets.take("client 999", 0)).toBeGreaterThan(0);
    expect(buckets.take("client 0", 0)).toBe(0);
  });

  it("never lets more through than its burst and its rate allow", () => {
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

describe("whom a limit counts", () => {
  it("is what workerd reports, before any header that a client could send", () => {
    const request = (cf?: unknown) =>
      Object.assign(new Request("https://edge.test", { headers: { "cf-connecting-ip": "192.0.2.9" } }), {
        cf,
      });
    expect(clientOf(request({ clientIp: "192.0.2.1" }))).toBe("192.0.2.1");
    expect(clientOf(request({ clientIp: "192.0.2.1:36280" }))).toBe("192.0.2.1");
    expect(clientOf(request({ clientIp: "[2001:db8:1:2::7]:36280" }))).toBe("2001:db8:1:2::/64");
    expect(clientOf(request())).toBe("192.0.2.9");
    expect(clientOf(new Request("https://edge.test"))).toBe("unknown");
  });
});
