import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");

it("modules load packages at run time through a module of the project, which keeps their names in the bundle", () => {
  const found = ["connector", "protocol"]
    .flatMap((root) =>
      readdirSync(join(ROOT, root), { recursive: true, encoding: "utf8" }).map((file) => join(root, file)),
    )
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => /import\("(?!\.|node:)/.test(readFileSync(join(ROOT, file), "utf8")));
  expect(found).toEqual([]);
});
