/**
 * npm run demo: an edge and two sites on this machine, in real processes.
 *
 *     --once   exit after the last step, with status 1 if a step failed
 *     --json   print only the results, as one JSON document {steps: [{name, ok, ms, detail}], ok}
 */
import { parseArgs } from "node:util";
import { printCommands, watch } from "./epilogue.ts";
import { perform } from "./performance.ts";
import { Report } from "./report.ts";
import { runScenario } from "./scenario.ts";

const { values: options } = parseArgs({
  options: { once: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});

await perform(
  {
    title: "An edge and two private sites run as processes on this machine.",
    prefix: "fl-demo-",
    act: runScenario,
    stay(report, stage, stopping) {
      printCommands(report, stage);
      watch(report, stage, stopping);
    },
  },
  { report: new Report(options.json), once: options.once },
);
