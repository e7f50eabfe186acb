import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../../../connector/cli/commands.ts";
import { NOUNS } from "../../../../../connector/cli/nouns.ts";
import { makeWorld } from "../../../../support/process/cli-world.ts";

/** Words of every page of help: the program, its nouns and its commands. */
const PAGES = [[], ...Object.keys(NOUNS).map((noun) => [noun]), ...COMMANDS.map(({ path }) => [...path])];

async function help(path: readonly string[], columns: number | undefined): Promise<string> {
  const world = await makeWorld();
  world.columns = columns;
  world.env.NO_COLOR = "1";
  const { out } = await world.run("help", ...path);
  await world.remove();
  return out;
}

/** The words of a text, without backslashes at the ends of lines. */
const wordsOf = (text: string) => text.replaceAll(" \\\n", " ").split(/\s+/);

describe.each(PAGES.map((path) => [["fairlead", ...path].join(" "), path] as const))(
  "help of %s",
  (_, path) => {
    test.each([60, 80, 200])("has no line wider than a terminal of %i columns, or 80", async (columns) => {
      for (const line of (await help(path, columns)).split("\n"))
        expect(line.length, line).toBeLessThanOrEqual(Math.min(80, columns));
    });

    test("has a wider line than 40 columns for a single word alone", async () => {
      for (const line of (await help(path, 40)).split("\n"))
        expect(line.length <= 40 || /^\s*(-\w, )?\S+( <\S+>)?( \\)?$/.test(line), line).toBe(true);
    });

    test("has the same words at every width, and 80 columns without a terminal", async () => {
      const wide = await help(path, 80);
      expect(await help(path, undefined)).toBe(wide);
      for (const columns of [40, 60]) expect(wordsOf(await help(path, columns))).toEqual(wordsOf(wide));
    });
  },
);
