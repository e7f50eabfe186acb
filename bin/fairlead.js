#!/usr/bin/env node
/**
 * Runs the built command. A checkout may have no build, since an `npm ci` was interrupted: then it is built first.
 * An installation has its build, and no scripts.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
const build = fileURLToPath(new URL("../scripts/build.ts", import.meta.url));

if (!existsSync(main) && existsSync(build)) {
  // What a build prints is no output of the command.
  const { status } = spawnSync(process.execPath, [build, "--if-changed"], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(1);
}
await import(main.href);
