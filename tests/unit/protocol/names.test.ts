import { describe, expect, it } from "vitest";
import { NamePattern, nameMatches, siteMatches } from "../../../protocol/names.ts";

describe("NamePattern and nameMatches", () => {
  it("accept a name, or a prefix with an asterisk, as a pattern", () => {
    for (const good of ["api", "web-*", "*", "a*", "a-b"])
      expect(NamePattern.safeParse(good).success).toBe(true);
    for (const bad of ["", "-a", "a-", "*a", "a*b", "A", "a.*", "a**"]) {
      expect(NamePattern.safeParse(bad).success).toBe(false);
    }
  });

  it("match a name by the same name or by a prefix, and every name without patterns", () => {
    expect(nameMatches("web-1", ["api", "web-*"])).toBe(true);
    expect(nameMatches("web", ["api", "web-*"])).toBe(false);
    expect(nameMatches("api2", ["api"])).toBe(false);
    expect(nameMatches("anything", ["*"])).toBe(true);
    expect(nameMatches("anything", null)).toBe(true);
    expect(nameMatches("anything", [])).toBe(false);
  });
});

describe("siteMatches", () => {
  const id = `s${"0".repeat(26)}`;
  const site = { id, name: "west" };

  it("matches a site by its name or id, and every site without a list", () => {
    expect(siteMatches(site, ["east", "west"])).toBe(true);
    expect(siteMatches(site, [id])).toBe(true);
    expect(siteMatches(site, ["east"])).toBe(false);
    expect(siteMatches(site, [])).toBe(false);
    expect(siteMatches(site, null)).toBe(true);
    expect(siteMatches(site, undefined)).toBe(true);
  });

  it("does not match a site whose name is the id of another site", () => {
    expect(siteMatches({ id: `s${"1".repeat(26)}`, name: id }, [id])).toBe(false);
  });
});
