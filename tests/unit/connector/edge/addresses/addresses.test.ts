import { describe, expect, test } from "vitest";
import {
  certificateNames,
  formatAddress,
  localAddress,
  parseAddress,
  publicHost,
  urlOf,
} from "../../../../../connector/edge/addresses/addresses.ts";

describe("an address of the edge", () => {
  test.each([
    ["127.0.0.1:8443", { host: "127.0.0.1", port: 8443 }],
    ["LocalHost:0", { host: "localhost", port: 0 }],
    ["[::1]:443", { host: "::1", port: 443 }],
    ["[2001:DB8:0:0::1]:443", { host: "2001:db8::1", port: 443 }],
    ["*:443", { host: "0.0.0.0", port: 443 }],
  ])("is parsed from %s", (text, address) => {
    expect(parseAddress(text, "--api")).toEqual(address);
    expect(parseAddress(formatAddress(address), "--api")).toEqual(address);
  });

  test.each([
    "",
    "8443",
    ":8443",
    "host",
    "host:",
    "host:70000",
    "::1:443",
    "[host]:1",
    "a b:1",
    "-a:1",
    "a..b:1",
    "a:1:2",
  ])("is not parsed from %j", (text) => {
    expect(() => parseAddress(text, "--api")).toThrow("--api");
  });

  test("has the public name in URLs, else its host, and never a wildcard", () => {
    const all = { host: "0.0.0.0", port: 443 };
    expect(publicHost(all, "Edge.example")).toBe("edge.example");
    expect(publicHost({ host: "10.0.0.1", port: 1 }, undefined)).toBe("10.0.0.1");
    expect(publicHost(all, undefined)).not.toBe("0.0.0.0");
    expect(urlOf("edge.example", 443)).toBe("https://edge.example");
    expect(urlOf("::1", 8443)).toBe("https://[::1]:8443");
    expect(localAddress(all)).toEqual({ host: "127.0.0.1", port: 443 });
    expect(localAddress({ host: "::", port: 1 })).toEqual({ host: "::1", port: 1 });
  });

  test("adds its names to the certificate, each once", () => {
    const api = { host: "10.0.0.1", port: 1 };
    const gateway = { host: "0.0.0.0", port: 2 };
    expect(certificateNames({ api, gateway, lanes: null }, "edge.example")).toEqual([
      "edge.example",
      "localhost",
      "127.0.0.1",
      "::1",
      "10.0.0.1",
    ]);
    expect(certificateNames({ api, gateway: api, lanes: api }, undefined)).toEqual([
      "10.0.0.1",
      "localhost",
      "127.0.0.1",
      "::1",
    ]);
  });
});
