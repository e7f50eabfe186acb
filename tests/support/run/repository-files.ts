/** The files of the repository. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** Lists the files of the repository, with files that are not yet tracked. */
export function repositoryFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return listed.split("\n").filter((file) => file !== "" && existsSync(join(ROOT, file)));
}

/** Lists the pages of the repository. */
export const repositoryPages = (): string[] => repositoryFiles().filter((file) => file.endsWith(".md"));
