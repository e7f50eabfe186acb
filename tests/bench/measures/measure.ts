/** The interface of a measure: its name, its metrics and its run. */
import type { Ground } from "../ground.ts";
import type { System } from "../systems/system.ts";

export interface Metric {
  /** Key in a run's figures. */
  readonly key: string;
  /** Suffix of the measure's title; empty for the main metric. */
  readonly title: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Unit of the table in units of the figures: 1e9 to show bits as Gb. */
  readonly scale?: number;
}

/** The result of one run on one system. */
export interface Run {
  /** Figures by the key of the metric. */
  readonly figures: Readonly<Record<string, number>>;
  /** Units of work in total, for what is used per unit. */
  readonly work?: Work;
}

export interface Work {
  readonly unit: "GB" | "request" | "connection" | "call" | "message" | "query" | "transaction";
  readonly amount: number;
}

export interface Measure {
  readonly id: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  /** Whether one round is enough, because the measure takes long and varies little. */
  readonly once?: boolean;
  /** Unit of work, if tables show what is used per unit. */
  readonly work?: Work["unit"];
  /** Returns false if the system does not support the measure. */
  on?(system: System): boolean;
  /** Prepares a system for the measure. What it uses does not count. */
  prepare?(system: System, ground: Ground): Promise<void>;
  run(system: System, ground: Ground): Promise<Run>;
}

export interface Requests {
  readonly requests: number;
  readonly perSecond: number;
  readonly errors: number;
  /** Duration, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Bulk {
  readonly bitsPerSecond: number;
  /** Transferred bytes, with the warm-up. */
  readonly bytes: number;
}
