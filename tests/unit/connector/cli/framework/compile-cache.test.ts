import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useCompileCache } from "../../../../../connector/cli/framework/compile-cache.ts";
import { temporaryDirectory } from "../../../../support/process/directories.ts";

/** The directories that are used with an environment. */
function usedWith(env: Record<string, string>): string[] {
  const used: string[] = [];
  useCompileCache(env, (directory) => used.push(directory));
  return used;
}

it("keeps compiled code in the user's cache, where nobody else can write", async () => {
  const HOME = await temporaryDirectory();
  const directory = join(HOME, ".cache", "fairlead");
  expect(usedWith({ HOME })).toEqual([directory]);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const XDG_CACHE_HOME = join(HOME, "other");
  expect(usedWith({ HOME, XDG_CACHE_HOME })).toEqual([join(XDG_CACHE_HOME, "fairlead")]);
});

it("keeps nothing where others can write", async () => {
  for (const open of ["", ".cache", ".cache/fairlead"]) {
    const HOME = await temporaryDirectory();
    mkdirSync(join(HOME, open), { recursive: true });
    chmodSync(join(HOME, open), 0o777);
    expect(usedWith({ HOME })).toEqual([]);
  }
});

it("keeps nothing without a home, or where no directory can be made", async () => {
  expect(usedWith({})).toEqual([]);
  for (const taken of ["/dev/null", "/proc"]) expect(usedWith({ HOME: taken })).toEqual([]);
  const HOME = await temporaryDirectory();
  expect(usedWith({ HOME: join(HOME, "none") })).toEqual([]);
  expect(existsSync(join(HOME, "none"))).toBe(false);
});

it("leaves the choice to Node's own variables", async () => {
  const HOME = await temporaryDirectory();
  expect(usedWith({ HOME, NODE_COMPILE_CACHE: HOME })).toEqual([]);
  expect(usedWith({ HOME, NODE_DISABLE_COMPILE_CACHE: "1" })).toEqual([]);
  expect(existsSync(join(HOME, ".cache"))).toBe(false);
});
