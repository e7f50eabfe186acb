/** What errors tell users to do: whole sentences, with commands and options that exist. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../connector/cli/commands.ts";
import { ERRORS } from "../../../protocol/errors.ts";
import { type ActionText, actionsIn, actionsUnder } from "../../../scripts/actions.ts";
import { ROOT } from "../../support/run/repository-files.ts";
import { problemOf, surplusOf } from "./shown-command.ts";

/** Longest text, characters: three sentences with a command each. */
const LONGEST = 420;

/** Options of other programs, and of Fairlead's before its command. */
const FOREIGN_OPTIONS = new Set(["--global", "--ulimit", "--version"]);

const OPTIONS = new Set(
  COMMANDS.flatMap(({ options }) =>
    Object.values(options).flatMap(({ flags }) => flags.match(/--[a-z][a-z-]*/g) ?? []),
  ),
);

/** What is wrong with a text that tells a user what to do. */
function problemsOf(text: string): string[] {
  const commands = [...text.matchAll(/`fairlead ([^`]+)`/g)].map(([, words = ""]) => words.split(/\s+/));
  const named = text.replaceAll(/`[^`]*`/g, "").match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [];
  return [
    ...(/^[A-Z`].*(?:\.| NAME)$/s.test(text) ? [] : ["is no whole sentence"]),
    ...(text.length <= LONGEST ? [] : [`has ${text.length} characters`]),
    ...(text.includes("  ") ? ["has two spaces"] : []),
    ...commands.flatMap((words) => problemOf(words) ?? surplusOf(words) ?? []),
    ...named
      .filter((flag) => !OPTIONS.has(flag) && !FOREIGN_OPTIONS.has(flag))
      .map((flag) => `names ${flag}`),
  ];
}

const said = (texts: readonly ActionText[]) =>
  texts.flatMap(({ file, line, text }) =>
    problemsOf(text).map((problem) => `${file}:${line} ${problem}: ${text}`),
  );

describe("the table of errors", () => {
  it("tells users to do what is possible, in whole sentences", () => {
    const wrong = Object.entries(ERRORS).flatMap(([code, { action }]) =>
      problemsOf(action).map((problem) => `${code} ${problem}: ${action}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe.each(["connector", "protocol", "workers"])("the sources under %s/", (folder) => {
  it("tell users to do what is possible, in whole sentences", () => {
    expect(said(actionsUnder(ROOT, folder))).toEqual([]);
  });
});

describe("the search for actions", () => {
  const find = (source: string) => actionsIn("x.ts", source).map(({ text }) => text);

  it("finds fields, constants, tables and functions", () => {
    expect(find('new FairleadError("a.b", "x", { action: "Do it." });')).toEqual(["Do it."]);
    expect(find(`const CLOCK_ACTION = wrong ? "One." : \`Two of \${n}.\`;`)).toEqual([
      "One.",
      "Two of NAME.",
    ]);
    expect(find('const LISTEN_ACTIONS: Record<string, string> = { A: "One.", B: "Two." };')).toEqual([
      "One.",
      "Two.",
    ]);
    expect(find('function dialAction(s: number) { if (s > 1) return "One."; return "Two."; }')).toEqual([
      "One.",
      "Two.",
    ]);
    expect(find('const action: unknown = 3; const other = "No.";')).toEqual([]);
  });

  it("finds the actions of the connector", () => {
    expect(
      actionsIn("f.ts", readFileSync(join(ROOT, "connector/net/failures.ts"), "utf8")).length,
    ).toBeGreaterThan(10);
  });

  it("refuses fragments, unknown commands and unknown options", () => {
    expect(problemsOf("try again")).toEqual(["is no whole sentence"]);
    expect(problemsOf("Run `fairlead edge begin`.")).toEqual([expect.stringContaining("no command")]);
    expect(problemsOf("Run `fairlead edge start --links X`.")).toEqual([expect.stringContaining("--links")]);
    expect(problemsOf("Run `fairlead edge backup FILE`.")).toEqual([
      expect.stringContaining("1 arguments of 0"),
    ]);
    expect(problemsOf("Give --nothing.")).toEqual(["names --nothing"]);
  });
});
