/** Runs every measure on every system, round by round, so that what disturbs the machine disturbs all alike. */
import type { Ground } from "./ground.ts";
import type { Measure, Metric, Run } from "./measures/measure.ts";
import { number } from "./report/rows.ts";
import type { Sample, Series } from "./results.ts";
import { rotated } from "./statistics.ts";
import type { System } from "./systems/system.ts";
import { countSystemCalls } from "./usage/system-calls.ts";
import { perUnit, UsageMeter } from "./usage/usage.ts";

export type Say = (line: string) => void;

export interface RunnerOptions {
  readonly say: Say;
  /** Path of perf, which counts system calls in runs after the rounds; null for no counts. */
  readonly counter: string | null;
}

/** After this many failures in a row, a measure is not tried again on a system. */
const GIVE_UP = 2;

export async function runAll(
  ground: Ground,
  systems: readonly System[],
  measures: readonly Measure[],
  { say, counter }: RunnerOptions,
): Promise<Series[]> {
  const series: Series[] = [];
  for (const measure of measures) {
    const able = systems.filter((system) => measure.on?.(system) ?? true);
    const own = new Map(able.map((system) => [system, emptySeries(measure, system)]));
    series.push(...own.values());
    const rounds = measure.once ? 1 : ground.options.rounds;
    for (let round = 0; round < rounds; round++) {
      for (const system of rotated(able, round)) {
        const into = own.get(system);
        if (into !== undefined) await runOnce(ground, measure, system, into, { round, rounds, say });
      }
    }
    if (counter === null || measure.work === undefined) continue;
    for (const [system, into] of own) {
      if (system.parts.length === 0 || into.samples.length === 0) continue;
      into.calls = await counted(ground, measure, system, { say, counter });
    }
  }
  return series;
}

function emptySeries(measure: Measure, system: System): Series {
  return { measure: measure.id, system: system.id, samples: [], failures: [], calls: null };
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
  const run = await measure.run(system, ground);
  const usage = meter === null ? null : divided(run, await meter.stop(), perUnit);
  return { round, figures: run.figures, usage };
}

/** Runs a measure once more and returns the system calls of each part per unit of work, or null if that failed. */
async function counted(
  ground: Ground,
  measure: Measure,
  system: System,
  { say, counter }: { say: Say; counter: string },
): Promise<Series["calls"]> {
  const where = `calls  ${measure.title}, ${system.title}`;
  try {
    const run = () => measure.run(system, ground);
    const { result, calls } = await countSystemCalls(ground, counter, system.parts, run);
    say(where);
    return divided(result, calls, (count, amount) => count / amount);
  } catch (error) {
    say(`${where}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** Divides what each part used by the work of a run. Returns null for a run without work. */
function divided<T>(
  { work }: Run,
  used: Readonly<Record<string, T>>,
  divide: (used: T, amount: number) => T,
): Record<string, T> | null {
  if (work === undefined || work.amount <= 0) return null;
  const each = Object.entries(used).map(([part, value]) => [part, divide(value, work.amount)] as const);
  return Object.fromEntries(each);
}

function told(metrics: readonly Metric[], { figures }: Sample): string {
  return metrics
    .map(({ key, title, unit, scale = 1 }) =>
      `${title} ${number((figures[key] ?? Number.NaN) / scale)} ${unit}`.trim(),
    )
    .join(", ");
}
