/** Figures that Fairlead must reach ("at least") and aims at ("goal"), alone on a machine and beside noise. */
import type { SystemId } from "./systems/system.ts";

export interface Bars {
  readonly atLeast: number;
  readonly goal: number;
}

export interface Goal {
  readonly measure: string;
  readonly metric: string;
  readonly system: SystemId;
  /** The figure itself, or its ratio to that of the nginx TLS chain. */
  readonly of: "figure" | "chain";
  readonly better: "higher" | "lower";
  readonly bars: Bars;
  /** Beside noise; the same when missing. */
  readonly noise?: Bars;
}

const BULKS = ["bulk-1-down", "bulk-1-up", "bulk-8-down", "bulk-8-up"];

/** Two bars: at least, and the goal. */
type Pair = readonly [number, number];

const barsOf = ([atLeast, goal]: Pair): Bars => ({ atLeast, goal });

/** Ratio to the nginx chain, where more is better. */
function chain(system: SystemId, measure: string, metric: string, bars: Pair, noise: Pair = bars): Goal {
  const of = { measure, metric, system, of: "chain", better: "higher" } as const;
  return { ...of, bars: barsOf(bars), noise: barsOf(noise) };
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const GOALS: readonly Goal[] = [
  ...BULKS.map((measure) => chain("fairlead", measure, "rate", [0.65, 1])),
  ...BULKS.map((measure) => chain("hop", measure, "rate", [0.75, 1])),
  chain("fairlead", "requests-1", "perSecond", [0.6, 1], [0.5, 0.8]),
  chain("fairlead", "requests-10", "perSecond", [0.9, 1.3], [0.7, 1.1]),
  chain("fairlead", "requests-100", "perSecond", [1.5, 2], [1.3, 1.8]),
  chain("fairlead", "http-1", "perSecond", [0.35, 0.6]),
  chain("fairlead", "http-10", "perSecond", [0.35, 0.8]),
  chain("fairlead", "http-100", "perSecond", [0.4, 1]),
  figure("http-tcp", "share", "higher", [0.4, 0.6]),
  figure("observer", "share", "higher", [0.9, 0.97]),
  figure("telemetry-requests", "share", "higher", [0.98, 1]),
  figure("telemetry-http", "share", "higher", [0.98, 1]),
  figure("telemetry-bulk", "share", "higher", [0.99, 1]),
  chain("fairlead", "grpc-unary", "perSecond", [0.25, 0.5]),
  chain("fairlead", "grpc-stream", "perSecond", [0.4, 0.8]),
  chain("fairlead", "connections", "perSecond", [4, 6]),
  figure("dns", "perSecond", "higher", [10_000, 30_000]),
  figure("dns", "p99", "lower", [2, 1]),
  figure("mixed", "times", "lower", [10, 3]),
  figure("idle", "streams", "higher", [10_000, 50_000]),
  figure("idle", "west", "lower", [16 * KIB, 4 * KIB]),
  figure("idle", "east", "lower", [16 * KIB, 4 * KIB]),
  figure("start", "status", "lower", [0.35, 0.2]),
  figure("start", "connector", "lower", [60 * MIB, 45 * MIB]),
];

function figure(measure: string, metric: string, better: "higher" | "lower", bars: Pair): Goal {
  return { measure, metric, system: "fairlead", of: "figure", better, bars: barsOf(bars) };
}

export type Verdict = "goal" | "at least" | "below";

/** Returns the bars of a goal on a machine alone, or beside noise. */
export function barsFor(goal: Goal, noise: boolean): Bars {
  return (noise ? goal.noise : undefined) ?? goal.bars;
}

/** Compares a figure or ratio with the bars of its goal. */
export function judge(goal: Goal, value: number, noise: boolean): Verdict {
  const bars = barsFor(goal, noise);
  const reaches = (bar: number) => (goal.better === "higher" ? value >= bar : value <= bar);
  if (reaches(bars.goal)) return "goal";
  return reaches(bars.atLeast) ? "at least" : "below";
}
