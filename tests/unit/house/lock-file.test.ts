/** What `npm ci` installs is what was reviewed: every package by its hash, from whichever registry is configured. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";

const Lock = z.object({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.object({ version: z.string(), integrity: z.string().optional(), resolved: z.string().optional() }),
  ),
});

const { packages } = Lock.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, "../../../package-lock.json"), "utf8")),
);
/** All but the project itself. */
const installed = Object.entries(packages).filter(([path]) => path !== "");

it("the lock file has a SHA-512 for every package, those of other platforms included", () => {
  const without = installed.filter(
    ([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ""),
  );
  expect(without.map(([path]) => path)).toEqual([]);
  expect(installed.length).toBeGreaterThan(200);
});

it("the lock file names no registry and no other place", () => {
  expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});
