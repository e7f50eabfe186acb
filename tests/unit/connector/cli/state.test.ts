import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { usualState } from "../../../../connector/cli/connector/state.ts";
import type { Io } from "../../../../connector/cli/framework/io.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";

async function machineWith(sites: Record<string, string | null>) {
  const home = await temporaryDirectory();
  for (const [directory, name] of Object.entries(sites)) {
    const path = join(home, "fairlead", "sites", directory);
    await mkdir(path, { recursive: true });
    if (name !== null) await writeFile(join(path, "site.json"), JSON.stringify({ site: { name } }));
  }
  const io = { env: { XDG_STATE_HOME: home } } as unknown as Io;
  return async (site: string | undefined) =>
    (await usualState(io, site))?.slice(join(home, "fairlead", "sites").length + 1);
}

test("a site's state is in the directory of its name", async () => {
  const state = await machineWith({ west: "west", east: null });
  expect(await state("west")).toBe("west");
  expect(await state("north")).toBe("north");
  expect(await state(undefined)).toBeUndefined();
});

test("a renamed site is found by its new name", async () => {
  const state = await machineWith({ west: "far-west", east: null, broken: null });
  expect(await state("far-west")).toBe("west");
});

test("a directory of the name takes precedence, and two renamed sites of one name are found by their directories only", async () => {
  const state = await machineWith({ west: "north", north: "north", one: "twin", two: "twin" });
  expect(await state("north")).toBe("north");
  expect(await state("twin")).toBe("twin");
});
