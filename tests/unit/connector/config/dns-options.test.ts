import { describe, expect, it } from "vitest";
import {
  formatDnsAddress,
  parseDnsAddress,
  parseDnsDomain,
} from "../../../../connector/config/dns-options.ts";

describe("parseDnsAddress", () => {
  it.each([
    ["127.0.0.2", { host: "127.0.0.2", port: 53 }, "127.0.0.2:53"],
    ["127.0.0.1:5300", { host: "127.0.0.1", port: 5300 }, "127.0.0.1:5300"],
    ["::1", { host: "::1", port: 53 }, "[::1]:53"],
    ["[::1]", { host: "::1", port: 53 }, "[::1]:53"],
    ["[fd00::1]:5300", { host: "fd00::1", port: 5300 }, "[fd00::1]:5300"],
  ])("reads %s", (text, address, formatted) => {
    expect(parseDnsAddress(text)).toEqual(address);
    expect(formatDnsAddress(address)).toBe(formatted);
  });

  it.each([
    "",
    "53",
    "localhost:53",
    "127.1",
    "[127.0.0.1]:53",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:",
    "::1:",
  ])("refuses %j", (text) => {
    expect(() => parseDnsAddress(text)).toThrow(expect.objectContaining({ code: "request.invalid" }));
  });
});

describe("parseDnsDomain", () => {
  it("takes a domain in any case", () => {
    expect(parseDnsDomain("Shop.Internal.")).toBe("shop.internal");
    expect(() => parseDnsDomain(".")).toThrow(expect.objectContaining({ code: "request.invalid" }));
  });
});
