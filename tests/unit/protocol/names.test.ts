import { describe, expect, it } from "vitest";
import { NamePattern, nameMatches, siteMatches } from "../../../protocol/names.ts";

describe("a pattern of names", () => {
  it("is a name, or the beginning of one and an asterisk", () => {
    for (const good of ["api", "web-*", "*", "a*", "a-b"])
      expect(NamePattern.safeParse(good).success).toBe(true);
    for (const bad of ["", "-a", "a-", "*a", "a*b", "A", "a.*", "a**"]) {
      expect(NamePattern.safeParse(bad).success).toBe(false);
    }
  });

  it("stands for that name, or for all that begin so", () => {
    expect(nameMatches("web-1", ["api", "web-*"])).toBe(true);
    expect(nameMatches("web", ["api", "web-*"])).toBe(false);
    expect(nameMatches("api2", ["api"])).toBe(false);
    expect(nameMatches("anything", ["*"])).toBe(true);
    expect(nameMatches("anything", null)).toBe(true);
    expect(nameMatches("anything", [])).toBe(false);
  });
});

describe("a list of sites", () => {
  const id = `s${"0".repeat(26)}`;
  const site = { id, name: "west" };

  it("stands for those named, by name or id; without one, for all", () => {
    expect(siteMatches(site, ["east", "west"])).toBe(true);
    expect(siteMatches(site, [id])).toBe(true);
    expect(siteMatches(site, ["east"])).toBe(false);
    expect(siteMatches(site, [])).toBe(false);
    expect(siteMatches(site, null)).toBe(true);
    expect(siteMatches(site, undefined)).toBe(true);
  });

  it("does not stand for a site that took an id for its name", () => {
    expect(siteMatches({ id: `s${"1".repeat(26)}`, name: id }, [id])).toBe(false);
  });
});
