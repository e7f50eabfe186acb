import { describe, expect, it } from "vitest";
import { mergeFiles } from "../../../../connector/state/merge-files.ts";
import type { Files } from "../../../../connector/state/store.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const links = (...ids: readonly string[]) => ids.map((id) => ({ id, certificate: `of ${id}` }));

function merged(base: unknown, mine: unknown, theirs: unknown): unknown {
  const file = (value: unknown): Files => (value === undefined ? {} : { "links.json": json(value) });
  return JSON.parse(mergeFiles(file(base), file(mine), file(theirs))["links.json"] ?? "null");
}

describe("Merged files", () => {
  it("take what only one side changed, whole", () => {
    const base = { ca: "1", key: "k" };
    expect(mergeFiles(base, { ca: "2", key: "k" }, base)).toEqual({ ca: "2", key: "k" });
    expect(mergeFiles(base, base, { ca: "3", key: "k" })).toEqual({ ca: "3", key: "k" });
  });

  it("keep the stored text where both changed one that is no JSON", () => {
    expect(mergeFiles({ ca: "old" }, { ca: "mine" }, { ca: "theirs" })).toEqual({ ca: "theirs" });
    expect(mergeFiles({}, { ca: "mine" }, { ca: "theirs" })).toEqual({ ca: "theirs" });
  });

  it("keep a file that only one side has", () => {
    expect(mergeFiles({ a: "1", b: "1" }, { a: "1" }, { b: "1" })).toEqual({ a: "1", b: "1" });
  });

  it("join the links that two connectors created, and the tokens that they redeemed", () => {
    const base = { links: links("a"), redeemed: ["t1"] };
    const mine = { links: links("a", "b"), redeemed: ["t1", "t2"] };
    const theirs = { links: links("a", "c"), redeemed: ["t1", "t3"] };
    expect(merged(base, mine, theirs)).toEqual({
      links: links("a", "c", "b"),
      redeemed: ["t1", "t3", "t2"],
    });
  });

  it("drop what one side deleted and the other left as it was", () => {
    const base = { links: links("a", "b") };
    expect(merged(base, { links: links("b") }, { links: links("a", "b", "c") })).toEqual({
      links: links("b", "c"),
    });
    expect(merged(base, { links: links("a", "b", "d") }, { links: links("a") })).toEqual({
      links: links("a", "d"),
    });
  });

  it("keep what one side deleted and the other changed", () => {
    const changed = { id: "a", certificate: "renewed" };
    expect(merged({ links: links("a") }, { links: [] }, { links: [changed] })).toEqual({ links: [changed] });
    expect(merged({ links: links("a") }, { links: [changed] }, { links: [] })).toEqual({ links: [] });
  });

  it("take fields of an object one by one, and the stored one where both changed it", () => {
    const base = { site: { name: "a" }, edge: { api: "1", gateway: "1" } };
    const mine = { site: { name: "mine" }, edge: { api: "2", gateway: "1" } };
    const theirs = { site: { name: "theirs" }, edge: { api: "1", gateway: "3" } };
    expect(merged(base, mine, theirs)).toEqual({
      site: { name: "theirs" },
      edge: { api: "2", gateway: "3" },
    });
  });

  it("join what both began without a common file", () => {
    expect(merged(undefined, { offers: [{ name: "a" }] }, { offers: [{ name: "b" }] })).toEqual({
      offers: [{ name: "b" }, { name: "a" }],
    });
  });

  it("keep the stored list where an item has no key", () => {
    expect(merged({ list: [] }, { list: [1] }, { list: [2] })).toEqual({ list: [2] });
  });
});
