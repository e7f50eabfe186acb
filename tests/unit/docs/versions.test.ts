/** The versions that the pages tell readers to install: those of package.json. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ROOT, repositoryPages } from "../../support/run/repository-files.ts";

const Manifest = z.object({
  version: z.string(),
  peerDependencies: z.object({ workerd: z.string() }),
});
const manifest = Manifest.parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

const PACKAGE = /\b(fairlead-|workerd@)(\d+\.\d+\.\d+)/g;

const wanted: Readonly<Record<string, string>> = {
  "fairlead-": manifest.version,
  "workerd@": manifest.peerDependencies.workerd,
};

/** The changelog and the decisions name what there was at their time, and the page on upgrades names later versions. */
const pages = repositoryPages().filter(
  (page) => !["CHANGELOG.md", "docs/upgrading.md"].includes(page) && !/^docs\/decisions\/\d/.test(page),
);

describe("the pages", () => {
  it("name the tarball of this version, and the workerd that it needs", () => {
    const named = pages.flatMap((page) =>
      [...readFileSync(join(ROOT, page), "utf8").matchAll(PACKAGE)].map(([text, name = "", version]) => ({
        page,
        text,
        right: version === wanted[name],
      })),
    );
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter(({ right }) => !right)).toEqual([]);
  });
});
