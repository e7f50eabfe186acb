/** The default state directory of a site on this machine. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { stateHome } from "../framework/context.ts";
import type { Io } from "../framework/io.ts";

/** The part of `site.json` that names the site. */
const SiteFile = z.object({ site: z.object({ name: z.string() }) });

/**
 * The directory with the site's name. If there is none, the directory of the site that was renamed to it: a site keeps
 * its directory. Undefined without a name.
 */
export async function usualState(io: Io, site: string | undefined): Promise<string | undefined> {
  if (site === undefined) return undefined;
  const home = join(await stateHome(io), "sites");
  const directories = await readdir(home).catch((): string[] => []);
  if (directories.includes(site)) return join(home, site);
  const renamed: string[] = [];
  for (const directory of directories) {
    if ((await nameOf(join(home, directory))) === site) renamed.push(directory);
  }
  const [only, ...others] = renamed;
  return join(home, only !== undefined && others.length === 0 ? only : site);
}

async function nameOf(directory: string): Promise<string | null> {
  try {
    const file = SiteFile.safeParse(JSON.parse(await readFile(join(directory, "site.json"), "utf8")));
    return file.success ? file.data.site.name : null;
  } catch {
    return null;
  }
}
