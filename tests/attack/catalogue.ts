/** The catalogue of attack scripts: every file in `scripts/`, in the order of their names. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AttackScript } from "./attack-script.ts";

const DIRECTORY = join(import.meta.dirname, "scripts");

/** Loads every script. @throws Error when a file exports no script, or a script with another name */
export async function loadScripts(): Promise<AttackScript[]> {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith(".ts")).sort();
  return await Promise.all(
    names.map(async (name) => {
      const { script }: { script?: AttackScript } = await import(pathToFileURL(join(DIRECTORY, name)).href);
      if (script?.name === basename(name, ".ts")) return script;
      throw new Error(`${name} must export a script of its name.`);
    }),
  );
}
