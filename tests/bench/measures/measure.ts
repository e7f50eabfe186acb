/** What is measured: its name, its figures, and how one run of it goes. */
import type { Ground } from "../ground.ts";
import type { System } from "../systems/system.ts";

export interface Metric {
  /** Key in a run's figures. */
  readonly key: string;
  /** Behind the measure's title, empty for the main one. */
  readonly title: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** What one unit of the table is in the figures' own: 1e9 to show bits as Gb. */
  readonly scale?: number;
}

/** One run on one system. */
export interface Run {
  /** By the metric's key. */
  readonly figures: Readonly<Record<string, number>>;
  /** What was done in all, for the CPU time of it. */
  readonly work?: Work;
}

export interface Work {
  readonly unit: "GB" | "10,000 requests";
  readonly amount: number;
}

export interface Measure {
  readonly id: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  /** True: measured in one round only, as it takes long and varies little. */
  readonly once?: boolean;
  /** What its work is counted in, where the CPU time of it is worth a table. */
  readonly work?: Work["unit"];
  /** False where the system cannot do it. */
  on?(system: System): boolean;
  run(system: System, ground: Ground): Promise<Run>;
}

export interface Requests {
  readonly requests: number;
  readonly perSecond: number;
  readonly errors: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Bulk {
  readonly bitsPerSecond: number;
  /** Moved in all, with the warm-up. */
  readonly bytes: number;
}
