/**
 * `node tests/bench/layers/main.ts`: what each layer of a connector's data path costs for one message, with warm and
 * with cold caches. Everything is in one process, on the connector's own classes. `--help` has the options;
 * docs/performance.md explains the figures.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fillPage } from "../report/text.ts";
import { LayerResults } from "./figures.ts";
import { FLOOR } from "./floor.ts";
import { LAYERS_USAGE, parseLayerOptions } from "./options.ts";
import { PATH } from "./path.ts";
import { profileStack } from "./profile.ts";
import { measureLayers } from "./run.ts";
import type { StackKind } from "./stack.ts";
import { layerReport, layerText } from "./table.ts";

const ALL: readonly StackKind[] = [...PATH, ...FLOOR];

/** Progress, on stderr. */
function say(line: string): void {
  console.error(line);
}

/** @throws RangeError for a name that no stack has */
function stackNamed(name: string): StackKind {
  const kind = ALL.find(({ id }) => id === name);
  if (kind === undefined) throw new RangeError(`no stack ${name}: ${ALL.map(({ id }) => id).join(", ")}`);
  return kind;
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
  const kinds = options.only.length === 0 ? ALL : options.only.map(stackNamed);
  const before =
    options.before === null ? null : LayerResults.parse(JSON.parse(await readFile(options.before, "utf8")));
  const results = await measureLayers(kinds, options.rounds, say);
  console.log(layerReport(results));
  if (options.json !== null) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (options.page !== null) {
    const page = await readFile(options.page, "utf8");
    await writeFile(options.page, fillPage(page, "layers", layerText(before, results)));
  }
}

try {
  await main(process.argv.slice(2));
  // Sessions that were cut off linger for a while.
  process.exit(0);
} catch (error) {
  console.error(error instanceof TypeError || error instanceof RangeError ? error.message : error);
  process.exit(2);
}
