#!/usr/bin/env node
/** The `fairlead` command. It checks the version of Node before it imports anything. */
export {};

const LEAST_NODE = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < LEAST_NODE) {
  process.stderr.write(
    `error: fairlead needs Node ${LEAST_NODE} or later; this is Node ${process.versions.node}.\n` +
      "  code: cli.node\n" +
      `  do: Install Node ${LEAST_NODE} or later; \`node --version\` shows which one runs.\n`,
  );
  process.exitCode = 1;
} else {
  const [{ runCli }, { processIo }] = await Promise.all([import("./run.ts"), import("./framework/io.ts")]);
  process.exitCode = await runCli(process.argv.slice(2), processIo());
}
