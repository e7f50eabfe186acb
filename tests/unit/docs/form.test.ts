/** How the pages are written: one sentence on each line, so that a change shows the sentences that it changes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sentences } from "../../../scripts/sentences.ts";
import { ROOT, repositoryPages } from "../../support/run/repository-files.ts";

const pages = repositoryPages();

/** Headings, tables, quotations and HTML. */
const NO_PROSE = /^(#|\||>|<|---)/;

/** The lines of prose of a page, without the marks of lists. */
function linesOf(page: string): string[] {
  return readFileSync(join(ROOT, page), "utf8")
    .replace(/^ *```.*?^ *```/gms, "")
    .split("\n")
    .map((line) => line.trim().replace(/^(?:[-*]|\d+\.) /, ""))
    .filter((line) => line !== "" && !NO_PROSE.test(line));
}

describe.each(pages)("%s", (page) => {
  it("has one sentence on each line", () => {
    expect(linesOf(page).filter((line) => sentences(line).length > 1)).toEqual([]);
  });
});
