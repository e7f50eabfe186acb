/** The commands that the pages show: each exists, with the options that it is shown with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, repositoryPages } from "../../support/run/repository-files.ts";
import { problemOf } from "./shown-command.ts";

/** The changelog and the decisions name what there was at their time. */
const pages = repositoryPages().filter(
  (page) => page !== "CHANGELOG.md" && !/^docs\/decisions\/\d/.test(page),
);

/** Blocks of code without a language or for a shell, and texts in code style. */
const CODE = /^```(?:sh)?\n(.*?)^```|`(fairlead [^`]+)`/gms;

/** The `fairlead` commands on a page, as words. */
function commandsOn(page: string): string[][] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(CODE)]
    .flatMap(([, block, span]) => (block ?? span?.replaceAll("\n", " ") ?? "").split(/\n|&&|\|(?= )/))
    .map((line) => line.replace(/\s#.*$/, "").trim())
    .flatMap((line) => {
      const [, words] = /^(?:npx (?:--no )?|bin\/)?fairlead (.+)$/.exec(line) ?? [];
      return words === undefined ? [] : [words.split(/\s+/)];
    });
}

describe.each(pages)("%s", (page) => {
  it("shows only commands and options that exist", () => {
    expect(commandsOn(page).flatMap((words) => problemOf(words) ?? [])).toEqual([]);
  });
});

describe("the check of commands", () => {
  it("finds commands in README.md, and refuses unknown ones and unknown options", () => {
    expect(commandsOn("README.md").length).toBeGreaterThan(5);
    expect(problemOf(["edge", "start", "--state", "DIR"])).toBeNull();
    expect(problemOf(["edge", "begin"])).toContain("no command");
    expect(problemOf(["edge", "start", "--links", "HOST:PORT"])).toContain("--links");
  });
});
