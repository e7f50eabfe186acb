import { describe, expect, it } from "vitest";
import { LeveledLog } from "../../../connector/log.ts";
import {
  CONNECTOR_LOG_PARTS,
  EDGE_LOG_PARTS,
  LOG_LEVELS_PATTERN,
  logLevelsHelp,
  parseConnectorLogLevels,
  parseEdgeLogLevels,
  partLog,
  sameLogLevels,
} from "../../../connector/log-levels.ts";
import { MemoryLog } from "../../support/connector/memory-log.ts";

describe("parseConnectorLogLevels", () => {
  it.each([
    ["debug", { level: "debug", parts: {} }],
    ["warn,session=debug,relay=error", { level: "warn", parts: { session: "debug", relay: "error" } }],
    ["session=debug", { level: "info", parts: { session: "debug" } }],
  ])("reads %s", (text, levels) => {
    expect(parseConnectorLogLevels(text)).toEqual(levels);
    expect(text).toMatch(new RegExp(LOG_LEVELS_PATTERN));
  });

  it.each([
    ["loud", '"loud" is no level of the log, which are debug, info, warn, error.'],
    ["", '"" is no level of the log, which are debug, info, warn, error.'],
    ["info,session=loud", '"loud" is no level of the log, which are debug, info, warn, error.'],
    [
      "info,engine=debug",
      `"engine" is no part of the log, which are ${Object.keys(CONNECTOR_LOG_PARTS).join(", ")}.`,
    ],
    ["info,front=debug", '"front" is no part of the log, which are connector, '],
    ["info,toString=debug", '"toString" is no part of the log'],
    ["info,debug", '"debug": the form is PART=LEVEL.'],
    ["info,session=debug=info", '"session=debug=info": the form is PART=LEVEL.'],
    ["info,", '"": the form is PART=LEVEL.'],
    ["info,session=debug,session=info", "The part session is named twice."],
  ])("refuses %j with request.invalid", (text, message) => {
    expect(() => parseConnectorLogLevels(text)).toThrow(
      expect.objectContaining({ code: "request.invalid", message: expect.stringContaining(message) }),
    );
  });
});

describe("parseEdgeLogLevels", () => {
  it("knows the parts of the edge alone", () => {
    expect(parseEdgeLogLevels("info,workerd=debug")).toEqual({ level: "info", parts: { workerd: "debug" } });
    expect(() => parseEdgeLogLevels("info,session=debug")).toThrow(
      `"session" is no part of the log, which are ${Object.keys(EDGE_LOG_PARTS).join(", ")}.`,
    );
  });
});

describe("logLevelsHelp", () => {
  it("names each level and part", () => {
    const help = logLevelsHelp(CONNECTOR_LOG_PARTS);
    for (const word of ["debug, info, warn or error", ...Object.keys(CONNECTOR_LOG_PARTS)]) {
      expect(help).toContain(word);
    }
  });
});

describe("sameLogLevels", () => {
  it("compares the level and those of all parts, in any order", () => {
    const same = (left: string, right: string) =>
      sameLogLevels(parseConnectorLogLevels(left), parseConnectorLogLevels(right));
    expect(same("warn,session=debug,relay=info", "warn,relay=info,session=debug")).toBe(true);
    expect(same("info", "warn")).toBe(false);
    expect(same("info", "info,dns=debug")).toBe(false);
    expect(same("info,dns=debug", "info")).toBe(false);
    expect(same("info,dns=debug", "info,dns=warn")).toBe(false);
  });
});

describe("partLog", () => {
  /** The lines of three parts, each written at each level. */
  function written(levels: string, later: string | null = null): string[] {
    const lines = new MemoryLog();
    const log = new LeveledLog(lines, parseConnectorLogLevels(levels));
    const session = partLog(log, "session").child({ session: "s1" });
    const parts = { none: log, session, relay: partLog(session, "relay") };
    if (later !== null) log.levels = parseConnectorLogLevels(later);
    for (const each of Object.values(parts)) {
      for (const level of ["debug", "info", "warn", "error"] as const) each[level]({}, level);
    }
    return lines.lines.map(({ fields, text }) => `${fields.part ?? "none"} ${text}`);
  }

  it("gives one part the level debug, and no other", () => {
    const found = written("info,session=debug");
    expect(found.filter((line) => line.endsWith("debug"))).toEqual(["session debug"]);
    expect(found).toHaveLength(10);
  });

  it("gives one part fewer lines than the others", () => {
    expect(written("debug,relay=error").filter((line) => line.startsWith("relay"))).toEqual(["relay error"]);
  });

  it("follows levels that are set later", () => {
    expect(written("error", "error,relay=warn")).toEqual([
      "none error",
      "session error",
      "relay warn",
      "relay error",
    ]);
  });
});
