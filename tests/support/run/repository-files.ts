/** The files of the repository. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** Lists the files of the repository, or of a folder, with files that are neither tracked nor ignored. */
export function repositoryFiles(folder = "."): string[] {
  const words = ["ls-files", "--cached", "--others", "--exclude-standard", "--", folder];
  const listed = execFileSync("git", words, { cwd: ROOT, encoding: "utf8" });
  return listed.split("\n").filter((file) => file !== "" && existsSync(join(ROOT, file)));
}

/** Lists the pages of the repository. */
export const repositoryPages = (): string[] => repositoryFiles().filter((file) => file.endsWith(".md"));
