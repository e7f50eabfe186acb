import { describe, expect, it } from "vitest";
import { LeveledLog } from "../../../connector/log.ts";
import { MemoryLog } from "../../support/connector/memory-log.ts";

describe("LeveledLog", () => {
  it("passes on the lines of its level and above", () => {
    const lines = new MemoryLog();
    const log = new LeveledLog(lines, "info");
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]({}, level);
    expect(lines.lines.map(({ text }) => text)).toEqual(["info", "warn", "error"]);
  });

  it("gives children the fields and every later level of their parent", () => {
    const lines = new MemoryLog();
    const log = new LeveledLog(lines, "error");
    const child = log.child({ session: "s1" }).child({ stream: 7 });
    child.info({}, "before");
    log.levels = { level: "debug", parts: {} };
    child.debug({ bytes: 3 }, "after");
    expect(lines.lines).toEqual([
      { level: "debug", text: "after", fields: { session: "s1", stream: 7, bytes: 3 } },
    ]);
  });
});
