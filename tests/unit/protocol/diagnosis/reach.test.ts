import { describe, expect, it } from "vitest";
import { isolatedSites } from "../../../../protocol/diagnosis/reach.ts";

const up = (name: string) => ({ name, state: "up" as const });

describe("isolatedSites", () => {
  it("is empty while every site reaches another, over any number of links", () => {
    const sites = ["a", "b", "c", "d"].map(up);
    const links = [
      { joiner: "a", issuer: "network" },
      { joiner: "b", issuer: "network" },
      { joiner: "c", issuer: "b" },
      { joiner: "d", issuer: "c" },
    ];
    expect(isolatedSites({ sites, links })).toEqual([]);
  });

  it("names the sites without a link, and those whose links reach no member", () => {
    const links = [
      { joiner: "a", issuer: "b" },
      { joiner: "d", issuer: "network" },
    ];
    expect(isolatedSites({ sites: ["a", "b", "c", "d"].map(up), links })).toEqual(["c", "d"]);
  });

  it("names every site when no link is left", () => {
    expect(isolatedSites({ sites: ["a", "b", "c"].map(up), links: [] })).toEqual(["a", "b", "c"]);
  });

  it("counts a link that is down, and not one that was revoked", () => {
    const sites = ["a", "b"].map(up);
    const link = { joiner: "a", issuer: "b" };
    expect(isolatedSites({ sites, links: [{ ...link, code: "link.unreachable" }] })).toEqual([]);
    expect(isolatedSites({ sites, links: [{ ...link, code: "link.revoked" }] })).toEqual(["a", "b"]);
  });

  it("counts neither sites that have not joined nor revoked ones", () => {
    const absent = [
      { name: "fresh", state: "new" as const },
      { name: "gone", state: "revoked" as const },
    ];
    expect(isolatedSites({ sites: [up("a"), ...absent], links: [] })).toEqual([]);
    expect(isolatedSites({ sites: [up("a"), up("b"), ...absent], links: [] })).toEqual(["a", "b"]);
  });

  it("takes a circle of links", () => {
    const links = [
      { joiner: "a", issuer: "b" },
      { joiner: "b", issuer: "c" },
      { joiner: "c", issuer: "a" },
    ];
    expect(isolatedSites({ sites: ["a", "b", "c"].map(up), links })).toEqual([]);
  });
});
