import { describe, expect, it } from "vitest";
import { addressesAt } from "../../../../protocol/front/former-address.ts";

const PRESENT = { api: "https://c:1", links: "https://c:2" };
const FIRST = { api: "https://a:1", links: "https://a:2", until: 10 };
const SECOND = { api: "https://a:1", links: "https://b:2", until: 20 };

describe("addressesAt", () => {
  it.each([
    [0, FIRST],
    [9, FIRST],
    [10, SECOND],
    [19, SECOND],
    [20, PRESENT],
  ])("returns the addresses that were in force at %i", (at, expected) => {
    expect(addressesAt(at, [FIRST, SECOND], PRESENT)).toBe(expected);
  });

  it("returns the present addresses of an edge that never moved", () => {
    expect(addressesAt(0, [], PRESENT)).toBe(PRESENT);
  });
});
