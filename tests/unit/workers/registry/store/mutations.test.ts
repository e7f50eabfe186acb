import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { KeyedMemo, Memo, Mutations } from "../../../../../workers/registry/store/mutations.ts";

const STORE = resolve(import.meta.dirname, "../../../../../workers/registry/store");

/** The statements that the files of the store pass to a method of Sql. */
function statementsOf(method: string): string[] {
  return readdirSync(STORE)
    .filter((name) => name !== "migrations.ts")
    .flatMap((name) => [
      ...readFileSync(join(STORE, name), "utf8").matchAll(
        new RegExp(`\\.${method}\\(\\s*["\`]\\s*(\\w+)`, "g"),
      ),
    ])
    .map(([, word]) => word ?? "");
}

describe("Memo", () => {
  it("reads once, and again after one of its parts changed", () => {
    const mutations = new Mutations();
    let reads = 0;
    const memo = new Memo(mutations, ["names", "graph"], () => ++reads);
    expect([memo.value, memo.value]).toEqual([1, 1]);
    mutations.note("offers");
    expect(memo.value).toBe(1);
    mutations.note("graph");
    expect(memo.value).toBe(2);
    mutations.noteAll();
    expect(memo.value).toBe(3);
  });

  it("passes the previous value to its reader, which may return it", () => {
    const mutations = new Mutations();
    const seen: (string | undefined)[] = [];
    const memo = new Memo<string>(mutations, ["names"], (before) => {
      seen.push(before);
      return before ?? "first";
    });
    expect(memo.value).toBe("first");
    mutations.note("names");
    expect(memo.value).toBe("first");
    expect(seen).toEqual([undefined, "first"]);
  });
});

describe("KeyedMemo", () => {
  it("reads only the changed key again, and all keys after a change of the part", () => {
    const mutations = new Mutations();
    const reads: string[] = [];
    const memo = new KeyedMemo<string | null>(mutations, "sites", (key) => {
      reads.push(key);
      return key === "none" ? null : key;
    });
    const look = () => ["a", "b", "none"].map((key) => memo.get(key));
    expect(look()).toEqual(["a", "b", null]);
    look();
    mutations.note(["sites", "a"]);
    look();
    expect(reads).toEqual(["a", "b", "none", "a"]);
    mutations.note("sites");
    look();
    expect(reads.slice(4)).toEqual(["a", "b", "none"]);
  });

  it("keeps a value that was put after a write until the next change", () => {
    const mutations = new Mutations();
    const memo = new KeyedMemo(mutations, "events", () => 0);
    memo.put("edge", 5);
    expect(memo.get("edge")).toBe(5);
    mutations.note(["events", "edge"]);
    expect(memo.get("edge")).toBe(0);
  });
});

describe("the statements of the store", () => {
  it("only read if they declare no changes", () => {
    for (const method of ["rows", "row", "#all"]) {
      for (const word of statementsOf(method)) expect(word).toMatch(/^(SELECT|PRAGMA|WHERE)$/);
    }
  });

  it("reach the database through Sql alone, except for the migrations", () => {
    const names = readdirSync(STORE).filter((name) =>
      readFileSync(join(STORE, name), "utf8").includes(".sql.exec("),
    );
    expect(names.sort()).toEqual(["migrations.ts", "sql.ts"]);
  });
});
