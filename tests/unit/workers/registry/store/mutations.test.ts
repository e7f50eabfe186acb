import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { KeyedMemo, Memo, Mutations } from "../../../../../workers/registry/store/mutations.ts";

const STORE = resolve(import.meta.dirname, "../../../../../workers/registry/store");

/** The statements that the store's files give to a method of Sql. */
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

  it("hands the value before to its reader, which may give it back", () => {
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
  it("reads again the key that changed and no other, and all of them when the part did", () => {
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

  it("keeps what was put after a write, until the next change", () => {
    const mutations = new Mutations();
    const memo = new KeyedMemo(mutations, "events", () => 0);
    memo.put("edge", 5);
    expect(memo.get("edge")).toBe(5);
    mutations.note(["events", "edge"]);
    expect(memo.get("edge")).toBe(0);
  });
});

describe("the store's statements", () => {
  it("only read where nothing is said of what they change", () => {
    for (const method of ["rows", "row", "#all"]) {
      for (const word of statementsOf(method)) expect(word).toMatch(/^(SELECT|PRAGMA|WHERE)$/);
    }
  });

  it("go to the database through Sql alone, the migrations' excepted", () => {
    const names = readdirSync(STORE).filter((name) =>
      readFileSync(join(STORE, name), "utf8").includes(".sql.exec("),
    );
    expect(names.sort()).toEqual(["migrations.ts", "sql.ts"]);
  });
});
