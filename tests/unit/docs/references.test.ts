/** What the pages refer to: files, headings, and the pages that the code names. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

const files = repositoryFiles();
const pages = files.filter((file) => file.endsWith(".md"));
const sources = files.filter((file) => /\.(ts|toml|yaml)$/.test(file));

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** A page without its blocks of code. */
const prose = (page: string) => read(page).replace(/^ *```.*?^ *```/gms, "");

/** A path from the root, in code style. A text with a placeholder is no path. */
const PATH = /`((?:\.github|connector|docs|examples|protocol|scripts|tests|workers)\/[^\s`]*)`/g;
const PLACEHOLDER = /NNNN|NAME|\*|<|…/;

const LINK = /\]\(([^)\s]+)\)/g;
const HEADING = /^#{1,6} (.+)$/gm;

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const anchors = [...prose(page).matchAll(HEADING)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
  return new Set(anchors);
}

describe.each(pages)("%s", (page) => {
  it("names only files and folders that exist", () => {
    const named = [...prose(page).matchAll(PATH)].map(([, path = ""]) => path);
    const missing = named.filter((path) => !PLACEHOLDER.test(path) && !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  it("links only to pages and headings that exist", () => {
    const broken = [
      ...prose(page)
        .replace(/`[^`\n]*`/g, "")
        .matchAll(LINK),
    ]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const linked = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(ROOT, linked))) return true;
        return anchor !== undefined && !anchorsOf(linked).has(anchor);
      });
    expect(broken).toEqual([]);
  });
});

describe("the code", () => {
  it("names only pages of docs/ that exist", () => {
    const missing = sources.flatMap((file) =>
      [...read(file).matchAll(/\bdocs\/[\w/-]+\.(?:md|svg)\b/g)]
        .filter(([path]) => !PLACEHOLDER.test(path) && !existsSync(join(ROOT, path)))
        .map(([path]) => `${file} names ${path}`),
    );
    expect(missing).toEqual([]);
  });
});
