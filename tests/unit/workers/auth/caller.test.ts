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
  it("may do with a role what lesser roles may", () => {
    const rank: Role[] = ["viewer", "operator", "admin"];
    for (const [at, role] of rank.entries()) {
      for (const [wanted, least] of rank.entries()) {
        expect(permitsIn(caller([role, null]), least, shop), `${role} for ${least}`).toBe(at >= wanted);
        expect(permitsEverywhere(caller([role, null]), least)).toBe(at >= wanted);
      }
    }
  });

  it("may do nothing without a grant", () => {
    expect(permitsIn(caller(), "viewer", shop)).toBe(false);
    expect(permitsSomewhere(caller(), "viewer")).toBe(false);
    expect(roleOf(caller())).toBeNull();
  });

  it("may do in a network what its id or its name was granted", () => {
    for (const named of [shop.id, shop.name]) {
      expect(permitsIn(caller(["operator", [named]]), "operator", shop)).toBe(true);
      expect(permitsIn(caller(["operator", [named]]), "operator", bank)).toBe(false);
    }
    expect(permitsEverywhere(caller(["operator", [shop.id]]), "viewer")).toBe(false);
    expect(permitsSomewhere(caller(["operator", [shop.id]]), "viewer")).toBe(true);
  });

  it("has of one grant the role and of another the network, never both together", () => {
    const both = caller(["viewer", null], ["operator", ["shop"]]);
    expect(permitsIn(both, "operator", shop)).toBe(true);
    expect(permitsIn(both, "operator", bank)).toBe(false);
    expect(permitsIn(both, "viewer", bank)).toBe(true);
    expect(permitsEverywhere(both, "operator")).toBe(false);
    expect(roleOf(both)).toBe("operator");
  });
});
