/**
 * npm run demo: the whole of Fairlead on this machine, in real processes.
 *
 *     --once   end after the last step; exit status 1 if anything failed
 *     --json   print the results as one JSON document, {steps: [{name, ok, ms, detail}], ok}, and nothing else
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { Cluster, FAIRLEAD } from "../support/process/cluster.ts";
import { keepRunning, tellNext } from "./encore.ts";
import { Report } from "./report.ts";
import { tell } from "./scenario.ts";

const { values: options } = parseArgs({
  options: { once: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
if (!existsSync(FAIRLEAD)) {
  console.error("Fairlead is not built: run `npm ci`, or `npm run build`.");
  process.exit(1);
}

const report = new Report(options.json);
const cluster = await Cluster.create("fl-demo-");
const undoing: (() => Promise<unknown>)[] = [];
const stopping = new AbortController();

/** Ends everything, and this process with it; a second call changes nothing. */
async function end(status: number): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  const ended = await Promise.allSettled([cluster.close(), ...undoing.map((undo) => undo())]);
  for (const each of ended) if (each.status === "rejected") console.error(each.reason);
  process.exit(ended.every((each) => each.status === "fulfilled") ? status : 1);
}

let told = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    report.line(stopping.signal.aborted ? "" : "\nending everything …");
    // Interrupted before the end of the story, it has not shown what it should.
    void end(told ? 0 : 130);
  });
}

// Whoever read the output is gone, as in `npm run demo | head`.
process.stdout.on("error", () => void end(1));

report.line(
  "Two private sites, one edge: everything runs on this machine, each part a process of its own.\n",
  "bold",
);
try {
  const stage = await tell({ report, cluster, atEnd: (undo) => undoing.push(undo) });
  told = true;
  report.finish();
  if (options.once) await end(0);
  else {
    tellNext(report, stage);
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
