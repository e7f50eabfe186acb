import { describe, expect, it } from "vitest";
import type { Role } from "../../../../protocol/api/keys.ts";
import {
  type Caller,
  permitsEverywhere,
  permitsIn,
  permitsSomewhere,
  roleOf,
} from "../../../../workers/auth/caller.ts";

const shop = { id: `n${"0".repeat(26)}`, name: "shop" };
const bank = { id: `n${"1".repeat(26)}`, name: "bank" };
const caller = (...grants: [Role, string[] | null][]): Caller => ({
  name: "ann",
  grants: grants.map(([role, networks]) => ({ role, networks })),
});

describe("a caller", () => {
  it("has every lesser role of a granted role", () => {
    const rank: Role[] = ["viewer", "operator", "admin"];
    for (const [at, role] of rank.entries()) {
      for (const [wanted, least] of rank.entries()) {
        expect(permitsIn(caller([role, null]), least, shop), `${role} for ${least}`).toBe(at >= wanted);
        expect(permitsEverywhere(caller([role, null]), least)).toBe(at >= wanted);
      }
    }
  });

  it("has no role without a grant", () => {
    expect(permitsIn(caller(), "viewer", shop)).toBe(false);
    expect(permitsSomewhere(caller(), "viewer")).toBe(false);
    expect(roleOf(caller())).toBeNull();
  });

  it("has a role in a network that is granted by id or by name", () => {
    for (const named of [shop.id, shop.name]) {
      expect(permitsIn(caller(["operator", [named]]), "operator", shop)).toBe(true);
      expect(permitsIn(caller(["operator", [named]]), "operator", bank)).toBe(false);
    }
    expect(permitsEverywhere(caller(["operator", [shop.id]]), "viewer")).toBe(false);
    expect(permitsSomewhere(caller(["operator", [shop.id]]), "viewer")).toBe(true);
  });

  it("does not combine the role of one grant with the network of another", () => {
    const both = caller(["viewer", null], ["operator", ["shop"]]);
    expect(permitsIn(both, "operator", shop)).toBe(true);
    expect(permitsIn(both, "operator", bank)).toBe(false);
    expect(permitsIn(both, "viewer", bank)).toBe(true);
    expect(permitsEverywhere(both, "operator")).toBe(false);
    expect(roleOf(both)).toBe("operator");
  });
});
