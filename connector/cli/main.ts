#!/usr/bin/env node
/**
 * The `fairlead` command. It handles signals and checks the version of Node before it imports the rest, which takes half
 * a second on a slow machine.
 */
import { useCompileCache } from "./framework/compile-cache.ts";
import { Interruption } from "./framework/interruption.ts";

const interruption = new Interruption();
interruption.followNpx(process.env);

useCompileCache(process.env);

/** `engines.node` of package.json. */
const LEAST_NODE = [24, 0] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) {
  const least = LEAST_NODE.join(".");
  process.stderr.write(
    `error: fairlead needs Node ${least} or later; this is Node ${process.versions.node}.\n` +
      "  code: cli.node\n" +
      `  do: Install Node ${least} or later; \`node --version\` shows which one runs.\n`,
  );
  process.exitCode = 1;
} else void run();

/** A function, since the single file is a CommonJS module, which cannot await. */
async function run(): Promise<void> {
  const [{ runCli }, { processIo }] = await Promise.all([import("./run.ts"), import("./framework/io.ts")]);
  process.exitCode = await runCli(process.argv.slice(2), processIo(interruption));
}
