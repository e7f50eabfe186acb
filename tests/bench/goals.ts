/** Figures that Fairlead must reach ("at least") and aims at ("goal"). */
import type { SystemId } from "./systems/system.ts";

export interface Goal {
  readonly measure: string;
  readonly metric: string;
  readonly system: SystemId;
  /** The figure itself, or its ratio to that of the nginx TLS chain. */
  readonly of: "figure" | "chain";
  readonly better: "higher" | "lower";
  readonly atLeast: number;
  readonly goal: number;
}

const BULKS = ["bulk-1-down", "bulk-1-up", "bulk-8-down", "bulk-8-up"];

/** Ratio to the nginx chain, where more is better. */
function chain(system: SystemId, measure: string, metric: string, atLeast: number, goal: number): Goal {
  return { measure, metric, system, of: "chain", better: "higher", atLeast, goal };
}

const KIB = 1024;

export const GOALS: readonly Goal[] = [
  ...BULKS.map((measure) => chain("fairlead", measure, "rate", 0.5, 1)),
  ...BULKS.map((measure) => chain("hop", measure, "rate", 0.75, 1)),
  chain("fairlead", "requests-1", "perSecond", 0.5, 1),
  chain("fairlead", "requests-10", "perSecond", 0.8, 1.3),
  chain("fairlead", "requests-100", "perSecond", 1, 1.5),
  chain("fairlead", "http-1", "perSecond", 0.35, 0.6),
  chain("fairlead", "http-10", "perSecond", 0.35, 0.8),
  chain("fairlead", "http-100", "perSecond", 0.4, 1),
  figure("http-tcp", "share", "higher", 0.4, 0.6),
  figure("observer", "share", "higher", 0.9, 0.97),
  figure("telemetry-requests", "share", "higher", 0.98, 1),
  figure("telemetry-http", "share", "higher", 0.98, 1),
  figure("telemetry-bulk", "share", "higher", 0.99, 1),
  chain("fairlead", "grpc-unary", "perSecond", 0.25, 0.5),
  chain("fairlead", "grpc-stream", "perSecond", 0.4, 0.8),
  chain("fairlead", "connections", "perSecond", 3.5, 5),
  figure("dns", "perSecond", "higher", 10_000, 30_000),
  figure("dns", "p99", "lower", 2, 1),
  figure("mixed", "times", "lower", 10, 3),
  figure("idle", "streams", "higher", 10_000, 50_000),
  figure("idle", "west", "lower", 16 * KIB, 4 * KIB),
  figure("idle", "east", "lower", 16 * KIB, 4 * KIB),
];

function figure(
  measure: string,
  metric: string,
  better: "higher" | "lower",
  atLeast: number,
  goal: number,
): Goal {
  return { measure, metric, system: "fairlead", of: "figure", better, atLeast, goal };
}

export type Verdict = "goal" | "at least" | "below";

/** Compares a figure or ratio with its goal. */
export function judge(goal: Goal, value: number): Verdict {
  const reaches = (bar: number) => (goal.better === "higher" ? value >= bar : value <= bar);
  if (reaches(goal.goal)) return "goal";
  return reaches(goal.atLeast) ? "at least" : "below";
}
