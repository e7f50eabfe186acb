import { describe, expect, it } from "vitest";
import { circleIn, importsIn, type Line, problemsOf, roomsOf } from "./imports.ts";
import { ROOMS } from "./rooms.ts";

const ROOTS = ["protocol", "workers", "connector"] as const;

describe("rooms", () => {
  it("import from each other as the table says, and every entry of the table is used", () => {
    const imports = new Map(ROOTS.flatMap((root) => [...importsIn(root)]));
    expect(imports.size).toBeGreaterThan(300);
    expect(problemsOf(imports, ROOMS)).toEqual([]);
  });

  it.each(ROOTS)("have no circle of imports in %s/", (root) => {
    const rooms = roomsOf(importsIn(root));
    expect(rooms.size).toBeGreaterThan(5);
    expect(circleIn(rooms)).toBeNull();
  });

  it("have a reason in every line of the table", () => {
    for (const { why } of ROOMS) expect(why).toMatch(/^(?:[A-Z]|`|commands\.ts).+\.$/);
  });
});

describe("files", () => {
  it("have no circle of imports in workers/", () => {
    expect(circleIn(importsIn("workers"))).toBeNull();
  });
});

describe("the table", () => {
  const table: readonly Line[] = [
    { room: "connector/log", usedBy: ["connector/**"], why: "Everything logs." },
    { room: "connector/session", usedBy: ["connector/runtime"], why: "The runtime makes sessions." },
  ];
  const allowed = new Map([
    ["connector/runtime/run.ts", ["connector/session/session.ts", "connector/log/log.ts"]],
    ["connector/session/session.ts", ["connector/session/state.ts"]],
  ]);

  it("allows what its lines name, imports within a room, and a folder with all that is in it", () => {
    expect(problemsOf(allowed, table)).toEqual([]);
  });

  it("finds an import that no line allows", () => {
    const imports = new Map([...allowed, ["connector/log/log.ts", ["connector/session/session.ts"]]]);
    expect(problemsOf(imports, table)).toEqual([
      "connector/log imports connector/session, which no line of the table allows.",
    ]);
  });

  it("finds a line that no import uses", () => {
    const imports = new Map([["connector/runtime/run.ts", ["connector/log/log.ts"]]]);
    expect(problemsOf(imports, table)).toEqual([
      "The table lets connector/runtime import connector/session, and nothing does.",
    ]);
  });
});

describe("a circle", () => {
  it("is found between rooms whose files form none", () => {
    const imports = new Map([
      ["connector/a/one.ts", ["connector/b/one.ts"]],
      ["connector/b/two.ts", ["connector/c/one.ts"]],
      ["connector/c/two.ts", ["connector/a/two.ts"]],
    ]);
    expect(circleIn(imports)).toBeNull();
    expect(circleIn(roomsOf(imports))).toEqual(["connector/a", "connector/b", "connector/c", "connector/a"]);
  });

  it("is found between a folder and a folder in it", () => {
    const imports = new Map([
      ["connector/cli/commands.ts", ["connector/cli/site/list.ts"]],
      ["connector/cli/site/list.ts", ["connector/cli/output.ts"]],
    ]);
    expect(circleIn(roomsOf(imports))).toHaveLength(3);
  });

  it("is not what two ways to the same room are", () => {
    const imports = new Map([
      ["a/one.ts", ["b/one.ts", "c/one.ts"]],
      ["b/one.ts", ["c/one.ts"]],
    ]);
    expect(circleIn(roomsOf(imports))).toBeNull();
  });
});
