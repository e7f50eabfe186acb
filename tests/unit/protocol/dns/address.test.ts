import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import {
  addressBytes,
  familyOf,
  isLoopback,
  isWildcard,
  reverseName,
} from "../../../../protocol/dns/address.ts";

describe("addressBytes", () => {
  it.each([
    ["10.0.0.255", [10, 0, 0, 255]],
    ["::1", [...new Array(15).fill(0), 1]],
    ["fd00::a:b", [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 11]],
    ["::ffff:1.2.3.4", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]],
    ["1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
  ])("reads %s", (text, bytes) => {
    expect(addressBytes(text)).toEqual(bytes);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1:2",
    "1::2::3",
    ":::",
    "::12345",
    "::g",
    "host",
    "1:2:3:4:5:6:7::8:9",
  ])("refuses %j, as Node does", (text) => {
    expect(addressBytes(text)).toBeNull();
    expect(isIP(text)).toBe(0);
  });
});

describe("addresses", () => {
  it("have a family, and some a meaning", () => {
    expect([familyOf("1.2.3.4"), familyOf("::1"), familyOf("x")]).toEqual([4, 6, null]);
    expect(["0.0.0.0", "::", "1.2.3.4"].map(isWildcard)).toEqual([true, true, false]);
    expect(["127.2.0.1", "::1", "10.0.0.1", "::"].map(isLoopback)).toEqual([true, true, false, false]);
  });

  it("have a name for PTR records", () => {
    expect(reverseName("127.2.0.1")).toBe("1.0.2.127.in-addr.arpa");
    expect(reverseName("fd00::1")).toBe(`1.${"0.".repeat(29)}d.f.ip6.arpa`);
    expect(reverseName("x")).toBeNull();
  });
});
