/**
 * npm run attack [-- NAME… --list --json --logs]: attacks real processes on this machine, one script after another.
 *
 *     NAME…    run only these scripts
 *     --list   print the scripts and their rules, and run none
 *     --json   print the results as one JSON document, {results: [{name, rule, held, tried, seen, waits, slow, figures, took}]}
 *     --logs   print the last lines of each process where an attack did not hold
 *
 * The exit status is 1 when a rule did not hold or a wait was above its bound, and 2 when a name is unknown.
 */
import { parseArgs } from "node:util";
import { loadScripts } from "./catalogue.ts";
import { type Result, runScript } from "./runner.ts";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    logs: { type: "boolean", default: false },
  },
});
const all = await loadScripts();
const unknown = wanted.filter((name) => !all.some((script) => script.name === name));
if (unknown.length > 0) {
  console.error(`No such attack: ${unknown.join(", ")}. Known: ${all.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
const scripts = wanted.length === 0 ? all : all.filter(({ name }) => wanted.includes(name));

if (options.list) {
  if (options.json) print({ scripts: scripts.map(({ name, rule, ci = false }) => ({ name, rule, ci })) });
  else
    for (const { name, rule, ci } of scripts)
      console.log(`${name}${ci ? " (in npm test)" : ""}\n    ${rule}`);
  process.exit(0);
}

const results: Result[] = [];
for (const script of scripts) {
  const result = await runScript(script);
  results.push(result);
  if (!options.json) show(result);
}
const broken = results.filter((result) => !isKept(result));
if (options.json) print({ results: results.map(({ logs: _, ...rest }) => rest) });
else console.log(`\n${results.length - broken.length} held, ${broken.length} did not hold.`);
process.exit(broken.length > 0 ? 1 : 0);

function isKept({ held, slow }: Result): boolean {
  return held && slow.length === 0;
}

function show(result: Result): void {
  const { name, rule, tried, seen, waits = [], figures = {}, took, logs } = result;
  console.log(
    `${isKept(result) ? "held        " : "DID NOT HOLD"}  ${name}  (${(took / 1000).toFixed(1)} s)`,
  );
  const waited = waits.map(({ what, ms, bound }) => [
    `${what}, ms`,
    `${Math.round(ms)}, ${ms < bound ? "below" : "ABOVE"} the bound of ${Math.round(bound)}`,
  ]);
  const rows = [["rule", rule], ["tried", tried], ["seen", seen], ...Object.entries(figures), ...waited];
  for (const [label, value] of rows) console.log(`              ${label}: ${value}`);
  if (options.logs && logs !== "") console.log(logs);
}

function print(document: object): void {
  console.log(JSON.stringify(document, null, 2));
}
