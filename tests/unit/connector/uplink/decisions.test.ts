import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Backoff } from "../../../../connector/net/backoff.ts";
import { proxyFor } from "../../../../connector/net/proxy.ts";
import { canMove, isSlow, waitAfter } from "../../../../connector/uplink/state.ts";

describe("backoff", () => {
  it("doubles its bound from 250 ms up to 15 s", () => {
    const backoff = new Backoff({ base: 250, cap: 15_000, random: () => 0.999999 });
    const waits = Array.from({ length: 9 }, () => backoff.next());
    expect(waits).toEqual([249, 499, 999, 1999, 3999, 7999, 14_999, 14_999, 14_999]);
  });

  it("waits anywhere between nothing and its bound", () => {
    const values = [0, 0.5, 0.25];
    const backoff = new Backoff({ base: 1000, cap: 15_000, random: () => values.shift() ?? 0 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 1000, 1000]);
  });

  it("tells how long its last wait could have been", () => {
    const backoff = new Backoff({ base: 250, cap: 600, random: () => 0 });
    const bounds = [0, 1, 2, 3].map(() => {
      const { bound } = backoff;
      backoff.next();
      return bound;
    });
    expect(bounds).toEqual([0, 250, 500, 600]);
  });

  it("tells the longest that its last wait could have been", () => {
    const backoff = new Backoff({ base: 250, cap: 15_000, random: () => 0 });
    expect(backoff.bound).toBe(0);
    for (const bound of [250, 500, 1000]) {
      backoff.next();
      expect(backoff.bound).toBe(bound);
    }
    backoff.reset();
    expect(backoff.bound).toBe(0);
  });

  it("begins anew after a reset, and stays finite after thousands of failures", () => {
    const backoff = new Backoff({ base: 250, cap: 15_000, random: () => 0.5 });
    for (let failure = 0; failure < 5000; failure++) expect(backoff.next()).toBeLessThanOrEqual(7500);
    backoff.reset();
    expect(backoff.next()).toBe(125);
  });
});

describe("the wait after a failure", () => {
  it("is the backoff's for what passes by itself", () => {
    for (const code of ["uplink.lost", "edge.unreachable", "proxy.failed", "certificate.expired"] as const) {
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0.5,
        ),
      ).toBe(7);
    }
  });

  it("is 30 to 60 s for what somebody has to repair", () => {
    for (const code of [
      "site.revoked",
      "certificate.revoked",
      "certificate.too_old",
      "uplink.version",
    ] as const) {
      expect(isSlow(code)).toBe(true);
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0,
        ),
      ).toBe(30_000);
      expect(
        waitAfter(
          code,
          () => 7,
          () => 0.9999,
        ),
      ).toBeLessThan(60_000);
    }
  });
});

describe("the uplink's state", () => {
  it("moves only where the table says", () => {
    expect(canMove("idle", "connecting")).toBe(true);
    expect(canMove("connecting", "up")).toBe(true);
    expect(canMove("up", "waiting")).toBe(true);
    expect(canMove("waiting", "up")).toBe(false);
    expect(canMove("closed", "connecting")).toBe(false);
  });
});

describe("the proxy of the environment", () => {
  const names = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];
  const saved = new Map(names.map((name) => [name, process.env[name]]));
  beforeEach(() => {
    for (const name of names) delete process.env[name];
  });
  afterEach(() => {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it("is none when none is set", () => {
    expect(proxyFor("wss://edge.test/v1/uplink")).toBeNull();
  });

  it("is HTTPS_PROXY or https_proxy, for WebSockets too", () => {
    process.env.HTTPS_PROXY = "http://proxy.test:3128";
    expect(proxyFor("wss://edge.test/v1/uplink")?.host).toBe("proxy.test:3128");
    delete process.env.HTTPS_PROXY;
    process.env.https_proxy = "http://lower.test:3128";
    expect(proxyFor("wss://edge.test/v1/uplink")?.host).toBe("lower.test:3128");
  });

  it("is none for what NO_PROXY names", () => {
    process.env.HTTPS_PROXY = "http://proxy.test:3128";
    process.env.NO_PROXY = "edge.test,.inside.test";
    expect(proxyFor("wss://edge.test/v1/uplink")).toBeNull();
    expect(proxyFor("wss://a.inside.test/")).toBeNull();
    expect(proxyFor("wss://other.test/")?.host).toBe("proxy.test:3128");
  });

  it("is proxy.failed when it is no URL of an HTTP proxy", () => {
    process.env.HTTPS_PROXY = "socks5://proxy.test:1080";
    expect(() => proxyFor("wss://edge.test/")).toThrow(expect.objectContaining({ code: "proxy.failed" }));
  });
});
