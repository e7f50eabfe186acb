/** The references in pages and in code: files, headings, names of the code, scripts. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
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

/** A path from the root in a comment or text of the code; imports have relative paths. */
const SOURCE_PATH =
  /(?<![\w./-])(?:\.github|connector|docs|examples|protocol|scripts|tests|workers)\/[\w./-]*\.(?:ts|md|svg|toml|yaml|json)\b/g;

/** A name of the code, in code style. */
const NAME = /`([A-Za-z]\w*[a-z][A-Z]\w*|[A-Z][a-z]\w+)(?:\(\))?`/g;

/** Names of other programs: an option of TypeScript, a field of Kubernetes. */
const FOREIGN = new Set(["exactOptionalPropertyTypes", "subPath", "Fairlead_Site"]);

/** The files whose subjects are paths that do not exist. */
const INVENTED = new Set(["tests/unit/house/rooms.test.ts"]);

const NPM_SCRIPT = /\bnpm run (?:-s )?([\w:-]+)/g;

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

const words = new Set(sources.flatMap((file) => read(file).match(/\w+/g) ?? []));
const scripts = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read("package.json"))).scripts;

describe.each(pages)("%s", (page) => {
  it("names only files and folders that exist", () => {
    const named = [...prose(page).matchAll(PATH)].map(([, path = ""]) => path);
    const missing = named.filter((path) => !PLACEHOLDER.test(path) && !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  it("names only classes, functions and fields that the code has", () => {
    const named = [...prose(page).matchAll(NAME)].map(([, name = ""]) => name);
    expect(named.filter((name) => !words.has(name) && !FOREIGN.has(name))).toEqual([]);
  });

  it("names only scripts of package.json", () => {
    const named = [...read(page).matchAll(NPM_SCRIPT)].map(([, name = ""]) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
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

describe("docs/README.md", () => {
  it("links every page of docs/", () => {
    const linked = [...prose("docs/README.md").matchAll(LINK)].map(([, target = ""]) => `docs/${target}`);
    const own = pages.filter((page) => /^docs\/[\w-]+\.md$/.test(page) && page !== "docs/README.md");
    expect(own.filter((page) => !linked.includes(page))).toEqual([]);
  });
});

describe("the code", () => {
  it("names only files that exist", () => {
    const missing = sources
      .filter((file) => !INVENTED.has(file))
      .flatMap((file) =>
        [...read(file).matchAll(SOURCE_PATH)]
          .filter(([path]) => !PLACEHOLDER.test(path) && !existsSync(join(ROOT, path)))
          .map(([path]) => `${file} names ${path}`),
      );
    expect(missing).toEqual([]);
  });
});
