import { describe, expect, it } from "vitest";
import { isOfThisMachine, takes } from "../../../../connector/targets/target-address.ts";

const at = (host: string) => ({ host, port: 7777 });
const target = (address: string, port = 7777) => ({ address, port });

describe("takes", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["0.0.0.0", "127.0.0.1"],
    ["0.0.0.0", "127.9.9.9"],
    ["::", "127.0.0.1"],
    ["::", "::1"],
    ["127.0.0.1", "0.0.0.0"],
    ["::1", "::"],
    ["0.0.0.0", "0.0.0.0"],
  ])("is true for a listener at %s and a target at %s", (host, address) => {
    expect(takes(at(host), target(address))).toBe(true);
  });

  it.each([
    ["127.0.0.1", "127.0.0.2"],
    ["127.0.0.1", "::1"],
    ["0.0.0.0", "::1"],
    ["0.0.0.0", "192.0.2.7"],
    ["::", "2001:db8::7"],
    ["192.0.2.7", "0.0.0.0"],
    ["127.0.0.1", "not an address"],
  ])("is false for a listener at %s and a target at %s", (host, address) => {
    expect(takes(at(host), target(address))).toBe(false);
  });

  it("is false for a target at another port", () => {
    expect(takes(at("0.0.0.0"), target("127.0.0.1", 7778))).toBe(false);
  });
});

describe("isOfThisMachine", () => {
  it("is true for loopback addresses, and false for addresses of the documentation ranges", () => {
    expect(["127.0.0.1", "127.8.8.8", "::1"].map(isOfThisMachine)).toEqual([true, true, true]);
    expect(["192.0.2.1", "2001:db8::1", "db"].map(isOfThisMachine)).toEqual([false, false, false]);
  });
});
