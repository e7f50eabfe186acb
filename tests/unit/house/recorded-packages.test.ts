/** Recorded programs take their packages from the checkout, so the checkout keeps what they import. */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";

const ROOT = join(import.meta.dirname, "../../..");
const archives = globSync("tests/system/recorded/*.tar.gz", { cwd: ROOT });
const { devDependencies } = z
  .object({ devDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

it.each(archives)("every package that the program of %s imports is installed", (archive) => {
  const directory = mkdtempSync(join(tmpdir(), "fl-"));
  try {
    execFileSync("tar", ["-xzf", join(ROOT, archive), "-C", directory, "dist/cli"]);
    const files = globSync("dist/cli/**/*.js", { cwd: directory });
    const imported = files.flatMap((file) => [
      ...readFileSync(join(directory, file), "utf8").matchAll(
        /(?:\bfrom ?|\bimport ?\(?)"((?:@[\w.-]+\/)?[\w.-]+)[^"]*"/g,
      ),
    ]);
    const packages = new Set(imported.map(([, name = ""]) => name).filter((name) => /^[@a-z]/.test(name)));
    expect(packages).toContain("zod");
    const missing = [...packages].filter((name) => !Object.hasOwn(devDependencies, name) && name !== "node");
    expect(missing).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
