/** The packages that a bundle contains, and their licences. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

const Package = z.object({ name: z.string(), version: z.string(), license: z.string().default("unknown") });

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** The target of esbuild for `engines.node` of package.json: `>=22.19.0` is node22.19. */
export function targetOf(engines: string): string {
  const [, major, minor] = /^>=(\d+)\.(\d+)(?:\.\d+)?$/.exec(engines) ?? [];
  if (major === undefined) throw new Error(`engines.node is "${engines}", not a version such as >=22.19.0.`);
  return `node${major}.${minor}`;
}

/** The folders of the packages among a bundle's inputs, sorted: the last `node_modules/NAME` of each path. */
export function bundledPackages(inputs: readonly string[]): string[] {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** The name, version and licence of each package, with the text of its licence files. */
export async function noticesOf(root: string, folders: readonly string[]): Promise<string> {
  const notices = await Promise.all(folders.map((folder) => noticeOf(join(root, folder))));
  return `Fairlead's command contains these packages.\n\n${notices.join("\n")}`;
}

async function noticeOf(folder: string): Promise<string> {
  const { name, version, license } = Package.parse(
    JSON.parse(await readFile(join(folder, "package.json"), "utf8")),
  );
  const files = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return `${"=".repeat(80)}\n${name} ${version}, ${license}\n\n${texts.map((text) => `${text.trim()}\n`).join("\n")}`;
}
