/**
 * `npm run bench`: what the data path does, beside the machine without a tunnel and beside the programs of others that
 * are installed, in one run; what a network of many sites costs the edge; and what each path of the Worker costs beside
 * the limits of Cloudflare's free plan. Only ratios taken in one run say something: absolute figures move with the
 * machine and with what else it does. `--help` has the options; docs/performance.md and docs/cost.md explain the
 * figures.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { measureCpu } from "./cpu/cpu.ts";
import { cpuReport, cpuText } from "./cpu/table.ts";
import { Ground } from "./ground.ts";
import { describeMachine } from "./machine.ts";
import { MEASURES } from "./measures/all.ts";
import { startNoise } from "./noise/noise.ts";
import { type BenchOptions, parseOptions, parts, selected, USAGE } from "./options.ts";
import { raiseDescriptors } from "./processes.ts";
import { chart } from "./report/chart.ts";
import { benchText, fillPage, report } from "./report/text.ts";
import type { Results } from "./results.ts";
import { runAll } from "./runner.ts";
import { measureScale } from "./scale/scale.ts";
import { scaleReport, scaleText } from "./scale/table.ts";
import { startSystems } from "./systems/all.ts";
import { findTools, installReferences } from "./tools.ts";
import { whyNotCounted } from "./usage/system-calls.ts";

const began = Date.now();

/** Progress, on stderr. */
function say(line: string): void {
  const seconds = Math.floor((Date.now() - began) / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  console.error(`${clock.padStart(6)}  ${line}`);
}

async function bench(options: BenchOptions): Promise<Results> {
  const tools = await findTools();
  // 10,000 streams and what else there is; each process that is started inherits it.
  await raiseDescriptors(options.streams * 2 + 4000);
  const ground = await Ground.make(options, tools);
  const interrupted = (): void => void ground.close().finally(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const { systems, absent } = await startSystems(ground, say);
    const measures = selected(MEASURES, options.only);
    if (options.noise) await startNoise(ground.cluster);
    const started = new Date().toISOString();
    const uncounted = await whyNotCounted(tools.perf);
    const counter = uncounted === null ? tools.perf : null;
    const series = await runAll(ground, systems, measures, { say, counter });
    return {
      started,
      machine: await describeMachine(tools),
      seconds: options.seconds,
      rounds: options.rounds,
      noise: options.noise,
      systems: systems.map(({ id, title }) => ({ id, title })),
      absent: { ...absent, ...(uncounted === null ? {} : { "system calls": uncounted }) },
      measures: measures.map(({ id, title, metrics, work }) => ({
        id,
        title,
        metrics,
        work: work ?? null,
      })),
      series,
    };
  } finally {
    await ground.close();
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, text);
  say(`wrote ${path}`);
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.installReferences) return await installReferences();
  const wanted = parts(options.only);
  const results = wanted.comparison ? await bench(options) : null;
  const scale = wanted.scale ? await measureScale(options.sites, say) : null;
  const cpu = wanted.cpu ? await measureCpu(options.rounds, say) : null;
  if (results !== null) console.log(report(results));
  if (scale !== null) console.log(scaleReport(scale));
  if (cpu !== null) console.log(cpuReport(cpu));
  if (options.json !== null)
    await write(options.json, `${JSON.stringify({ ...results, scale, cpu }, null, 2)}\n`);
  if (options.chart !== null && results !== null) await write(options.chart, chart(results));
  if (options.page !== null) {
    let page = await readFile(options.page, "utf8");
    if (results !== null) page = fillPage(page, options.noise ? "noise" : "bench", benchText(results));
    if (scale !== null) page = fillPage(page, "scale", scaleText(scale));
    if (cpu !== null) page = fillPage(page, "cpu", cpuText(cpu));
    await write(options.page, page);
  }
  if (options.profile !== null) say(`profiles of the connectors are in ${resolve(options.profile)}`);
  return results?.series.some(({ failures }) => failures.length > 0) === true ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof TypeError || error instanceof RangeError ? error.message : error);
  process.exitCode = 2;
}
