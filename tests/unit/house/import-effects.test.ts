import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../support/process/directories.ts";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

/** Programs, which run when they are imported: the command, and the build of the Worker. */
const PROGRAMS = ["connector/cli/main.ts", "connector/edge/workerd/build.ts"];

/**
 * Imports modules, and prints the calls that they make meanwhile to what has an effect outside of them: files, sockets,
 * processes, timers, settings of V8 and listeners of the process. Runs in a process of its own.
 */
const RECORDER = `
import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import v8 from "node:v8";
import vm from "node:vm";

const found = new Set();
const record = (owner, name) => {
  const original = owner[name];
  if (typeof original !== "function" || /^[A-Z]/.test(name)) return;
  owner[name] = function (...args) {
    const frame = new Error().stack.split("\\n").slice(2).find((line) => /\\/(connector|protocol)\\//.test(line));
    if (frame !== undefined && !frame.includes("node_modules")) found.add(name + " " + frame.trim());
    return Reflect.apply(original, this, args);
  };
};
for (const owner of [fs, fs.promises, net, childProcess, v8, vm]) for (const name of Object.keys(owner)) record(owner, name);
for (const name of ["setTimeout", "setInterval", "setImmediate", "fetch"]) record(globalThis, name);
for (const name of ["on", "once"]) record(process, name);
syncBuiltinESMExports();
for (const module of process.argv.slice(1)) await import(module);
console.log(JSON.stringify([...found]));
process.exit();
`;

/** The calls that modules make when they are imported. */
function callsOnImport(modules: readonly string[]): string[] {
  const args = ["--no-warnings", "--input-type=module", "--eval", RECORDER, ...modules];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`The modules could not be imported: ${stderr}`);
  }
}

describe("an import", { timeout: 300_000 }, () => {
  it("has no effect outside of a connector's module", () => {
    const modules = repositoryFiles("connector")
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
      .filter((name) => !PROGRAMS.includes(name));
    expect(modules.length).toBeGreaterThan(100);
    expect(callsOnImport(modules.map((name) => resolve(ROOT, name)))).toEqual([]);
  });

  it("finds a module that reads a file, starts a timer, sets flags of V8 or listens for a signal", async () => {
    const folder = join(await temporaryDirectory(), "connector");
    mkdirSync(folder);
    const sources = {
      readFileSync: 'import { readFileSync } from "node:fs"; readFileSync("/dev/null");',
      setInterval: "setInterval(() => {}, 1000);",
      setFlagsFromString: 'import { setFlagsFromString } from "node:v8"; setFlagsFromString("--expose-gc");',
      on: 'process.on("SIGUSR2", () => {});',
    };
    const probes = Object.entries(sources).map(([name, source]) => {
      const file = join(folder, `${name}.ts`);
      writeFileSync(file, source);
      return { name, file };
    });
    const calls = callsOnImport(probes.map(({ file }) => file));
    for (const { name } of probes) {
      expect(calls).toContainEqual(expect.stringMatching(new RegExp(`^${name} .*/${name}\\.ts:`)));
    }
  });
});
