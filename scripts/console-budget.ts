/** What the first page of the console costs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** The most that a browser loads before the overview can be used, gzipped, bytes. */
export const FIRST_PAGE_LIMIT = 300 * 1024;

/** A file of the first page, with its size when gzipped, bytes. */
export interface FirstPageFile {
  readonly name: string;
  readonly gzipped: number;
}

/** The files that the page names: its scripts with what they import, and its styles. */
export async function firstPageFiles(folder: string): Promise<FirstPageFile[]> {
  const page = await readFile(join(folder, "index.html"), "utf8");
  const named = [...page.matchAll(/(?:src|href)="\/console\/([^"]+\.(?:js|css))"/g)].map(
    ([, name = ""]) => name,
  );
  const names = ["index.html", ...named];
  return Promise.all(
    names.map(async (name) => ({ name, gzipped: gzipSync(await readFile(join(folder, name))).length })),
  );
}

/** @throws Error when the first page is larger than {@link FIRST_PAGE_LIMIT} */
export async function checkFirstPage(folder: string): Promise<number> {
  const files = await firstPageFiles(folder);
  const total = files.reduce((sum, file) => sum + file.gzipped, 0);
  if (total <= FIRST_PAGE_LIMIT) return total;
  const list = files.map(({ name, gzipped }) => `  ${gzipped} ${name}`).join("\n");
  throw new Error(
    `The console's first page has ${total} bytes gzipped, more than ${FIRST_PAGE_LIMIT}:\n${list}`,
  );
}
