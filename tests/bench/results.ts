/** What a whole run gave: each round's figures, and what is made of them. */
import type { Measure, Metric, Work } from "./measures/measure.ts";
import { median, ratio } from "./statistics.ts";
import type { SystemId } from "./systems/system.ts";

/** One run of one measure on one system, as it is kept. */
export interface Sample {
  readonly round: number;
  readonly figures: Readonly<Record<string, number>>;
  /** CPU seconds of each part per unit of work. */
  readonly cpu: Readonly<Record<string, number>> | null;
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
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** Name and version of each program of others. */
  readonly tools: Readonly<Record<string, string>>;
}

export interface Results {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly rounds: number;
  readonly systems: readonly { readonly id: SystemId; readonly title: string }[];
  /** Systems that are not there, and why. */
  readonly absent: Readonly<Record<string, string>>;
  readonly measures: readonly {
    readonly id: string;
    readonly title: string;
    readonly metrics: readonly Metric[];
    readonly work: Work["unit"] | null;
  }[];
  readonly series: readonly Series[];
}

/** What the tables show of a measure. */
export type MeasureSummary = Pick<Measure, "id" | "title" | "metrics">;

/** The median of a metric; undefined where nothing was measured. In the figures' own unit. */
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
 * The median of the ratios of each round to the other system's in the same round: what disturbs the machine for
 * a while disturbs both. Null where no round has both.
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

/** Median CPU seconds per unit of work, by part, in the order of the way. */
export function cpuOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
): readonly { readonly part: string; readonly seconds: number }[] {
  const samples = (seriesOf(results, measure, system)?.samples ?? [])
    .map(({ cpu }) => cpu)
    .filter((cpu) => cpu !== null);
  return Object.keys(samples[0] ?? {}).map((part) => ({
    part,
    seconds: median(samples.map((sample) => sample[part] ?? Number.NaN)),
  }));
}

/**
 * The median of the ratios of the CPU time per unit of work, all parts together, of each round to the other
 * system's in the same round. Null where no round has both.
 */
export function cpuRatioOf(
  results: Pick<Results, "series">,
  measure: string,
  system: SystemId,
  against: SystemId,
): number | null {
  const sums = (of: SystemId): Map<number, number> =>
    new Map(
      (seriesOf(results, measure, of)?.samples ?? []).flatMap(({ round, cpu }) =>
        cpu === null ? [] : [[round, Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0)]],
      ),
    );
  const others = sums(against);
  const ratios = [...sums(system)]
    .map(([round, seconds]) => ratio(seconds, others.get(round)))
    .filter((value) => value !== null);
  return ratios.length === 0 ? null : median(ratios);
}

export function seriesOf(
  { series }: Pick<Results, "series">,
  measure: string,
  system: SystemId,
): Series | undefined {
  return series.find((one) => one.measure === measure && one.system === system);
}
