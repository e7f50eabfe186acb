/**
 * npm run demo: an edge and two sites on this machine, in real processes.
 *
 *     --once   exit after the last step, with status 1 if a step failed
 *     --json   print only the results, as one JSON document {steps: [{name, ok, ms, detail}], ok}
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { Cluster, FAIRLEAD } from "../support/process/cluster.ts";
import { Report } from "./report.ts";
import { runScenario } from "./scenario.ts";
import { keepRunning, printCommands } from "./supervisor.ts";

const { values: options } = parseArgs({
  options: { once: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
if (!existsSync(FAIRLEAD)) {
  console.error("Fairlead is not built. Run `npm ci` or `npm run build`.");
  process.exit(1);
}

const report = new Report(options.json);
const cluster = await Cluster.create("fl-demo-");
const undoing: (() => Promise<unknown>)[] = [];
const stopping = new AbortController();

/** Ends every process and then this one. A second call has no effect. */
async function end(status: number): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  const ended = await Promise.allSettled([cluster.close(), ...undoing.map((undo) => undo())]);
  for (const each of ended) if (each.status === "rejected") console.error(each.reason);
  process.exit(ended.every((each) => each.status === "fulfilled") ? status : 1);
}

let isComplete = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    report.line(stopping.signal.aborted ? "" : "\nStopping every process.");
    // An interrupt before the last step is a failure.
    void end(isComplete ? 0 : 130);
  });
}

// The reader of the output has exited, as in `npm run demo | head`.
process.stdout.on("error", () => void end(1));

report.line("An edge and two private sites run as processes on this machine.\n", "bold");
try {
  const stage = await runScenario({ report, cluster, atEnd: (undo) => undoing.push(undo) });
  isComplete = true;
  report.finish();
  if (options.once) await end(0);
  else {
    printCommands(report, stage);
    keepRunning(report, stage, stopping.signal);
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    report.finish();
    console.error(
      `\n${error instanceof Error ? error.stack : error}\n\nThe last lines of each process:\n${cluster.logs(15)}`,
    );
    await end(1);
  }
}
