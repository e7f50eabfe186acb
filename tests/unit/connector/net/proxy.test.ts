import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { proxyFor } from "../../../../connector/net/proxy.ts";

describe("proxyFor", () => {
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

  it("finds no proxy where the environment names none", () => {
    expect(proxyFor("wss://edge.test/v1/uplink")).toBeNull();
  });

  it("takes HTTPS_PROXY or https_proxy, also for a WebSocket", () => {
    process.env.HTTPS_PROXY = "http://proxy.test:3128";
    expect(proxyFor("wss://edge.test/v1/uplink")?.host).toBe("proxy.test:3128");
    delete process.env.HTTPS_PROXY;
    process.env.https_proxy = "http://lower.test:3128";
    expect(proxyFor("wss://edge.test/v1/uplink")?.host).toBe("lower.test:3128");
  });

  it("finds no proxy for a host that NO_PROXY names", () => {
    process.env.HTTPS_PROXY = "http://proxy.test:3128";
    process.env.NO_PROXY = "edge.test,.inside.test";
    expect(proxyFor("wss://edge.test/v1/uplink")).toBeNull();
    expect(proxyFor("wss://a.inside.test/")).toBeNull();
    expect(proxyFor("wss://other.test/")?.host).toBe("proxy.test:3128");
  });

  it("throws proxy.failed for a value that is not the URL of an HTTP proxy", () => {
    process.env.HTTPS_PROXY = "socks5://proxy.test:1080";
    expect(() => proxyFor("wss://edge.test/")).toThrow(expect.objectContaining({ code: "proxy.failed" }));
  });
});
