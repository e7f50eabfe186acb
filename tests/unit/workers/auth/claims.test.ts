import { describe, expect, it } from "vitest";
import { callerOf, grantsOf, nameOf, valuesOf } from "../../../../workers/auth/claims.ts";

describe("valuesOf", () => {
  it("returns a string, the strings of a list, or nothing", () => {
    expect(valuesOf({ roles: "a b" }, "roles")).toEqual(["a b"]);
    expect(valuesOf({ roles: ["a", 1, null, "b", ["c"]] }, "roles")).toEqual(["a", "b"]);
    for (const roles of [undefined, null, 1, true, {}, { 0: "a", length: 1 }]) {
      expect(valuesOf({ roles }, "roles")).toEqual([]);
    }
  });

  it("reads a claim by its literal name, or by a path into objects", () => {
    expect(valuesOf({ realm_access: { roles: ["a"] } }, "realm_access.roles")).toEqual(["a"]);
    expect(valuesOf({ "https://example.com/roles": ["a"] }, "https://example.com/roles")).toEqual(["a"]);
    expect(valuesOf({ a: "text" }, "a.length")).toEqual([]);
  });

  it("reads no inherited property", () => {
    for (const claim of ["constructor", "__proto__", "toString", "constructor.name"]) {
      expect(valuesOf({}, claim)).toEqual([]);
    }
  });
});

describe("grantsOf", () => {
  const grants = new Map([
    ["a", { role: "admin" as const, networks: null }],
    ["b", { role: "viewer" as const, networks: ["shop"] }],
  ]);

  it("returns the grant of each mapped value once", () => {
    expect(grantsOf(["b", "b", "c", "constructor"], grants)).toEqual([grants.get("b")]);
    expect(callerOf({ sub: "x", roles: ["c"] }, { claim: "roles", grants })).toBeNull();
  });
});

describe("nameOf", () => {
  it("always contains the subject", () => {
    expect(nameOf({ sub: "7" })).toBe("oidc 7");
    expect(nameOf({ sub: "7", preferred_username: "ann" })).toBe("ann (oidc 7)");
    expect(nameOf({ sub: "7", email: "x".repeat(500) })).toMatch(/^x{80} \(oidc 7\)$/);
  });

  it("is printable and of bounded length", () => {
    expect(nameOf({ sub: "7\n\u001b[31m" })).toBe("oidc 7??[31m");
    expect(nameOf({ sub: "7".repeat(1000) })).toHaveLength(200);
  });
});
