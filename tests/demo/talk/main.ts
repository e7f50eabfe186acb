/**
 * npm run demo:talk: the talk's demo on this machine, with Skupper's command beside each of Fairlead's.
 *
 *     --once                 exit after the last step, with status 1 if a step failed
 *     --json                 print only the results, as one JSON document {steps: [{name, ok, ms, detail, commands}], ok}
 *     --password-file FILE   the first line is the password of the console's user; one is made unless given
 *     --record FILE          write what the terminal shows as a recording for asciinema
 */
import { parseArgs } from "node:util";
import { perform } from "../performance.ts";
import { Report } from "../report.ts";
import { Cast } from "./cast.ts";
import { printCommands, watch } from "./epilogue.ts";
import { Talk } from "./steps.ts";

const TITLE = "The talk's demo: a shop of nine services in three clusters.";

const { values: options } = parseArgs({
  options: {
    once: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "password-file": { type: "string" },
    record: { type: "string" },
  },
});
const { record, "password-file": passwordFile } = options;

// A recording has colours, whatever this terminal has.
if (record !== undefined) process.env.FORCE_COLOR = "1";
const cast = record === undefined ? null : new Cast(TITLE);

await perform(
  {
    title: TITLE,
    prefix: "fl-talk-",
    async act(setting) {
      const stage = await new Talk(setting, { passwordFile }).run();
      if (record !== undefined) cast?.save(record);
      return stage;
    },
    stay(report, stage, stopping) {
      printCommands(report, stage);
      watch(report, stage, stopping);
    },
  },
  { report: new Report(options.json, cast ?? process.stdout), once: options.once },
);
