import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

it("modules load packages at run time through a module of the project, which keeps their names in the bundle", () => {
  const found = ["connector", "protocol"]
    .flatMap((root) => repositoryFiles(root))
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => /import\("(?!\.|node:)/.test(readFileSync(join(ROOT, file), "utf8")));
  expect(found).toEqual([]);
});
