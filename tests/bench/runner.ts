/** Runs every measure on every system, round by round, so that what disturbs the machine disturbs all alike. */
import type { Ground } from "./ground.ts";
import type { Measure, Metric } from "./measures/measure.ts";
import { number } from "./report/rows.ts";
import type { Sample, Series } from "./results.ts";
import { rotated } from "./statistics.ts";
import type { System } from "./systems/system.ts";
import { perUnit, UsageMeter } from "./usage/usage.ts";

export type Say = (line: string) => void;

/** After this many failures in a row, a measure is not tried again on a system. */
const GIVE_UP = 2;

export async function runAll(
  ground: Ground,
  systems: readonly System[],
  measures: readonly Measure[],
  say: Say,
): Promise<Series[]> {
  const series: Series[] = [];
  for (const measure of measures) {
    const able = systems.filter((system) => measure.on?.(system) ?? true);
    const own = able.map((system) => ({ measure: measure.id, system: system.id, samples: [], failures: [] }));
    series.push(...own);
    const rounds = measure.once ? 1 : ground.options.rounds;
    for (let round = 0; round < rounds; round++) {
      for (const system of rotated(able, round)) {
        const into = own.find((one) => one.system === system.id);
        if (into !== undefined) await runOnce(ground, measure, system, into, { round, rounds, say });
      }
    }
  }
  return series;
}

async function runOnce(
  ground: Ground,
  measure: Measure,
  system: System,
  into: Series,
  { round, rounds, say }: { round: number; rounds: number; say: Say },
): Promise<void> {
  if (into.samples.length === 0 && into.failures.length >= GIVE_UP) return;
  const where = `${`${round + 1}/${rounds}`.padStart(5)}  ${measure.title}, ${system.title}`;
  try {
    const sample = await sampled(ground, measure, system, round);
    into.samples.push(sample);
    say(`${where}: ${told(measure.metrics, sample)}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    into.failures.push({ round, message });
    say(`${where}: FAILED: ${message}`);
  }
}

async function sampled(ground: Ground, measure: Measure, system: System, round: number): Promise<Sample> {
  await measure.prepare?.(system, ground);
  const meter = measure.work ? await UsageMeter.start(system.parts) : null;
  const { figures, work } = await measure.run(system, ground);
  if (meter === null || work === undefined || work.amount <= 0) return { round, figures, usage: null };
  const used = Object.entries(await meter.stop());
  return {
    round,
    figures,
    usage: Object.fromEntries(used.map(([part, usage]) => [part, perUnit(usage, work.amount)])),
  };
}

function told(metrics: readonly Metric[], { figures }: Sample): string {
  return metrics
    .map(({ key, title, unit, scale = 1 }) =>
      `${title} ${number((figures[key] ?? Number.NaN) / scale)} ${unit}`.trim(),
    )
    .join(", ");
}
