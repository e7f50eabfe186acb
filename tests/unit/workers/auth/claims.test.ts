import { describe, expect, it } from "vitest";
import { callerOf, grantsOf, nameOf, valuesOf } from "../../../../workers/auth/claims.ts";

describe("the values of a claim", () => {
  it("are a text, the texts of a list, or none", () => {
    expect(valuesOf({ roles: "a b" }, "roles")).toEqual(["a b"]);
    expect(valuesOf({ roles: ["a", 1, null, "b", ["c"]] }, "roles")).toEqual(["a", "b"]);
    for (const roles of [undefined, null, 1, true, {}, { 0: "a", length: 1 }]) {
      expect(valuesOf({ roles }, "roles")).toEqual([]);
    }
  });

  it("may be further inside, or under a name with dots", () => {
    expect(valuesOf({ realm_access: { roles: ["a"] } }, "realm_access.roles")).toEqual(["a"]);
    expect(valuesOf({ "https://example.com/roles": ["a"] }, "https://example.com/roles")).toEqual(["a"]);
    expect(valuesOf({ a: "text" }, "a.length")).toEqual([]);
  });

  it("are never what an object only inherits", () => {
    for (const claim of ["constructor", "__proto__", "toString", "constructor.name"]) {
      expect(valuesOf({}, claim)).toEqual([]);
    }
  });
});

describe("what values give", () => {
  const grants = new Map([
    ["a", { role: "admin" as const, networks: null }],
    ["b", { role: "viewer" as const, networks: ["shop"] }],
  ]);

  it("is everything that they are mapped to, once, and nothing that is not mapped", () => {
    expect(grantsOf(["b", "b", "c", "constructor"], grants)).toEqual([grants.get("b")]);
    expect(callerOf({ sub: "x", roles: ["c"] }, { claim: "roles", grants })).toBeNull();
  });
});

describe("the name of a caller", () => {
  it("always has the subject in it", () => {
    expect(nameOf({ sub: "7" })).toBe("oidc 7");
    expect(nameOf({ sub: "7", preferred_username: "ann" })).toBe("ann (oidc 7)");
    expect(nameOf({ sub: "7", email: "x".repeat(500) })).toMatch(/^x{80} \(oidc 7\)$/);
  });

  it("is printable and not long", () => {
    expect(nameOf({ sub: "7\n\u001b[31m" })).toBe("oidc 7??[31m");
    expect(nameOf({ sub: "7".repeat(1000) })).toHaveLength(200);
  });
});
