import { describe, expect, it } from "vitest";
import { parseTrustedProxies, TrustedProxies } from "../../../../connector/config/trusted-proxies.ts";

describe("parseTrustedProxies", () => {
  it("reads addresses and ranges, of one service or of all", () => {
    expect(parseTrustedProxies("10.0.0.0/8,::1")).toEqual({ name: "*", ranges: ["10.0.0.0/8", "::1"] });
    expect(parseTrustedProxies("api=10.1.0.5")).toEqual({ name: "api", ranges: ["10.1.0.5"] });
  });

  it.each([
    "",
    "api=",
    "10.0.0.0/33",
    "10/8",
    "10.1",
    "proxy.internal",
    "API=10.0.0.1",
    "10.0.0.1,",
    "fd00::/129",
  ])("refuses %j", (text) => {
    expect(() => parseTrustedProxies(text)).toThrow(expect.objectContaining({ code: "request.invalid" }));
  });
});

describe("TrustedProxies", () => {
  it("trusts the addresses of a service there alone, and those without a service everywhere", () => {
    const proxies = new TrustedProxies(["api=10.1.0.5", "fd00::/8,192.0.2.0/24"].map(parseTrustedProxies));
    const trusted = (service: string) =>
      ["10.1.0.5", "10.1.0.6", "fd12::1", "fe80::1", "192.0.2.9", "unknown"].filter((address) =>
        proxies.isTrusted(service, address),
      );
    expect(trusted("api")).toEqual(["10.1.0.5", "fd12::1", "192.0.2.9"]);
    expect(trusted("web")).toEqual(["fd12::1", "192.0.2.9"]);
    proxies.set([]);
    expect(trusted("api")).toEqual([]);
  });
});
