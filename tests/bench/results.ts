/** The results of a run: figures of each round, and their medians and ratios. */
import type { Measure, Metric, Work } from "./measures/measure.ts";
import { median, ratio } from "./statistics.ts";
import type { SystemId } from "./systems/system.ts";
import type { Usage } from "./usage/usage.ts";

/** Figures of one measure on one system in one round. */
export interface Sample {
  readonly round: number;
  readonly figures: Readonly<Record<string, number>>;
  /** What each part used per unit of work, in the order of the path. */
  readonly usage: Readonly<Record<string, Usage>> | null;
}

export interface Failure {
  readonly round: number;
  readonly message: string;
}

export interface Series {
  readonly measure: string;
  readonly system: SystemId;
  readonly samples: Sample[];
  readonly failures: Failure[];
  /** System calls of each part per unit of work, of a run after the rounds; null if they were not counted. */
  calls: Readonly<Record<string, number>> | null;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** Name and version of each other program. */
  readonly tools: Readonly<Record<string, string>>;
}

export interface Results {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly rounds: number;
  /** Whether a busy neighbour ran during all measures. */
  readonly noise: boolean;
  readonly systems: readonly { readonly id: SystemId; readonly title: string }[];
  /** Missing systems and counts with the reason. */
  readonly absent: Readonly<Record<string, string>>;
  readonly measures: readonly {
    readonly id: string;
    readonly title: string;
    readonly metrics: readonly Metric[];
    readonly work: Work["unit"] | null;
  }[];
  readonly series: readonly Series[];
}

/** The part of a measure that tables show. */
export type MeasureSummary = Pick<Measure, "id" | "title" | "metrics">;

/** Returns the median of a metric in the unit of the figures, or undefined without figures. */
export function figureOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
  metric: string,
): number | undefined {
  const samples = seriesOf(results, measure, system)?.samples ?? [];
  const figures = samples.map(({ figures }) => figures[metric]).filter((value) => value !== undefined);
  return figures.length === 0 ? undefined : median(figures);
}

/**
 * Returns the median of the ratios to another system in the same round, because a disturbance of the machine affects
 * both. Returns null if no round has both systems.
 */
export function ratioOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
  against: SystemId,
  metric: string,
): number | null {
  const others = seriesOf(results, measure, against)?.samples ?? [];
  const ratios = (seriesOf(results, measure, system)?.samples ?? [])
    .map(({ round, figures }) =>
      ratio(figures[metric], others.find((other) => other.round === round)?.figures[metric]),
    )
    .filter((value) => value !== null);
  return ratios.length === 0 ? null : median(ratios);
}

/** Returns the median of what each part used per unit of work, in the order of the path. */
export function usageOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
): readonly (Usage & { readonly part: string })[] {
  const samples = (seriesOf(results, measure, system)?.samples ?? [])
    .map(({ usage }) => usage)
    .filter((usage) => usage !== null);
  return Object.keys(samples[0] ?? {}).map((part) => {
    const of = (key: keyof Usage) => median(samples.map((sample) => sample[part]?.[key] ?? Number.NaN));
    const turns = of("turns");
    return {
      part,
      user: of("user"),
      system: of("system"),
      voluntary: of("voluntary"),
      involuntary: of("involuntary"),
      turns: Number.isNaN(turns) ? null : turns,
    };
  });
}

/**
 * Returns the median of the ratios of CPU time per unit of work to another system in the same round, of one part or of
 * all together. Returns null if no round has both systems.
 */
export function cpuRatioOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
  against: SystemId,
  only?: string,
): number | null {
  const sums = (of: SystemId): Map<number, number> =>
    new Map(
      (seriesOf(results, measure, of)?.samples ?? []).flatMap(({ round, usage }) =>
        usage === null ? [] : [[round, cpuSeconds(partsOf(usage, only))]],
      ),
    );
  const others = sums(against);
  const ratios = [...sums(system)]
    .map(([round, seconds]) => ratio(seconds, others.get(round)))
    .filter((value) => value !== null);
  return ratios.length === 0 ? null : median(ratios);
}

function partsOf(usage: Readonly<Record<string, Usage>>, only: string | undefined): readonly Usage[] {
  if (only === undefined) return Object.values(usage);
  const part = usage[only];
  return part === undefined ? [] : [part];
}

/** Returns the CPU seconds of all parts together. */
export function cpuSeconds(parts: readonly Pick<Usage, "user" | "system">[]): number {
  return parts.reduce((sum, { user, system }) => sum + user + system, 0);
}

export function seriesOf(
  { series }: Pick<Results, "series">,
  measure: string,
  system: SystemId,
): Series | undefined {
  return series.find((one) => one.measure === measure && one.system === system);
}
