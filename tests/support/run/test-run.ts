/**
 * What `npm test` runs: every test, and beside the first of them, which mostly wait, the checks of style and types. A
 * check that fails ends the tests.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** The status of a program that ended by a signal, which has no status of its own. */
const KILLED = 1;

/**
 * Runs the tests and, at the same time, the checks. What the checks print is shown once they have failed.
 *
 * @returns the exit status: that of the checks when they fail, otherwise that of the tests
 */
export async function testRun(checks: Command, tests: Command): Promise<number> {
  const running = start(tests, "inherit");
  const checking = start(checks, "pipe");
  const lines: Buffer[] = [];
  for (const output of [checking.stdout, checking.stderr]) {
    output?.on("data", (chunk: Buffer) => lines.push(chunk));
  }
  const tested = statusOf(running);
  const checked = await statusOf(checking);
  if (checked === 0) return await tested;
  // The tests clean up what they started, as for Ctrl-C.
  running.kill("SIGINT");
  await tested;
  process.stdout.write(`\n${Buffer.concat(lines).toString()}\nThe checks failed, so the tests were ended.\n`);
  process.stdout.write("0 passed, 1 failed\n");
  return checked;
}

function start([program, ...args]: Command, output: "inherit" | "pipe") {
  return spawn(program, args, { stdio: ["inherit", output, output] });
}

async function statusOf(child: ReturnType<typeof start>): Promise<number> {
  const [status] = (await once(child, "close")) as [number | null];
  return status ?? KILLED;
}

if (import.meta.main) {
  const tests: Command = ["vitest", "run", "--project", "!conformance", ...process.argv.slice(2)];
  process.exitCode = await testRun(["npm", "run", "--silent", "check"], tests);
}
