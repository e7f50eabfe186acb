/**
 * `node tests/bench/layers/main.ts`: what each layer of a connector's data path costs for one message, with warm and
 * with cold caches. Both ends of a path are in one process, on the connector's own classes. `--help` has the options;
 * docs/performance.md explains the figures.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fillPage } from "../report/text.ts";
import { LayerResults } from "./figures.ts";
import { LAYERS_USAGE, parseLayerOptions } from "./options.ts";
import { profileStack } from "./profile.ts";
import { measureRounds } from "./rounds.ts";
import { STACKS, stackNamed } from "./stacks.ts";
import { layerReport, layerText } from "./table.ts";

/** Progress, on stderr. */
function say(line: string): void {
  console.error(line);
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parseLayerOptions(argv);
  if (options.help) {
    console.log(LAYERS_USAGE);
    return;
  }
  if (options.profile !== null) {
    console.log(await profileStack(stackNamed(options.profile)));
    return;
  }
  const kinds = options.only.length === 0 ? STACKS : options.only.map(stackNamed);
  const before =
    options.before === null ? null : LayerResults.parse(JSON.parse(await readFile(options.before, "utf8")));
  const results = await measureRounds(kinds, options.rounds, say);
  console.log(layerReport(results));
  if (options.json !== null) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (options.page !== null) {
    const page = await readFile(options.page, "utf8");
    await writeFile(options.page, fillPage(page, "layers", layerText(before, results)));
  }
}

try {
  await main(process.argv.slice(2));
  // Sessions that were profiled and cut off linger for a while.
  process.exit(0);
} catch (error) {
  console.error(error instanceof TypeError || error instanceof RangeError ? error.message : error);
  process.exit(2);
}
