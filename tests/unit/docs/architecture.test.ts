import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");

/** The sections of the page's last part, each with its title. */
const walks = (page.split("\n## Walks\n")[1] ?? "").split(/^### /m).slice(1);

describe("docs/architecture.md", () => {
  it.each(["protocol", "workers", "connector"])("names every folder of %s/ among its rooms", (root) => {
    const folders = new Set(repositoryFiles(root).flatMap((file) => /^\w+\/([^/]+)\//.exec(file)?.[1] ?? []));
    expect(folders.size).toBeGreaterThan(5);
    expect([...folders].filter((name) => !page.includes(`| \`${root}/${name}/\` |`))).toEqual([]);
  });

  it("has at least ten walks, each of numbered lines that name a file", () => {
    expect(walks.length).toBeGreaterThanOrEqual(10);
    for (const walk of walks) {
      const steps = walk.split("\n").filter((line) => /^\d+\. /.test(line));
      expect(steps.length, walk).toBeGreaterThan(3);
      for (const step of steps) expect(step).toMatch(/^\d+\. `[\w/.-]+\.ts`.*: .+\.$/);
    }
  });
});
