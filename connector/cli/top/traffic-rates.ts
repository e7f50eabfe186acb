/** Rates of a network's traffic, from the messages of its live channel. */
import type { LiveTraffic } from "../../../protocol/api/live.ts";
import type { TrafficGroup, TrafficPoint, TrafficTotals } from "../../../protocol/api/traffic.ts";
import {
  addToHistogram,
  emptyHistogram,
  quantileOf,
  type SparseHistogram,
} from "../../../protocol/telemetry/latency.ts";

/** Traffic of one service from one site to another. Rates are a second. */
export interface TrafficRow {
  readonly service: string;
  /** Names of sites; "door" for clients of the public door, "?" where no site was chosen. */
  readonly from: string;
  readonly to: string;
  /** Streams that are open. */
  readonly open: number;
  readonly streams: number;
  readonly requests: number;
  /** Streams and requests that failed. */
  readonly errors: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** Of what ended in the last seconds, ms; null without any. */
  readonly p50: number | null;
  readonly p99: number | null;
}

/** Rates are means over this time, ms: a report may be late by its interval. */
const MEAN_MS = 10_000;

interface Sample {
  readonly at: number;
  readonly totals: TrafficTotals;
}

interface Followed {
  readonly group: TrafficGroup;
  /** Totals at the last ticks, oldest first. */
  readonly samples: Sample[];
}

export class TrafficRates {
  readonly #groups = new Map<string, Followed>();
  /** What the first answer says of the time before it. */
  #first: { readonly at: number; readonly stepMs: number } | null = null;
  #at = 0;

  /** Takes a message of the live channel. */
  take(message: LiveTraffic): void {
    if (message.type === "traffic") {
      const { groups, at, stepSeconds } = message.traffic;
      this.#groups.clear();
      this.#at = Date.parse(at);
      this.#first = { at: this.#at, stepMs: stepSeconds * 1000 };
      for (const group of groups) {
        this.#groups.set(keyOf(group), { group, samples: [{ at: this.#at, totals: group.totals }] });
      }
    } else if (message.type === "tick") {
      this.#at = Date.parse(message.at);
      for (const group of message.groups) this.#update(group);
      // What did not change is as it was: without a sample, its rate would last.
      for (const { samples } of this.#groups.values()) {
        const last = samples.at(-1);
        if (last !== undefined && last.at < this.#at) this.#add(samples, last.totals);
      }
    }
  }

  /** A row for each service and pair of sites with traffic, the busiest first. */
  rows(): TrafficRow[] {
    const rows = [...this.#groups.values()].map((followed) => this.#row(followed));
    const weight = (row: TrafficRow) =>
      row.requests + row.streams + (row.bytesToClient + row.bytesToTarget) / 1e6;
    return rows.sort(
      (left, right) =>
        weight(right) - weight(left) ||
        left.service.localeCompare(right.service) ||
        left.from.localeCompare(right.from),
    );
  }

  #update(group: TrafficGroup): void {
    const known = this.#groups.get(keyOf(group));
    // A group that is new since the first answer began at zero.
    const samples = known?.samples ?? [{ at: this.#first?.at ?? this.#at, totals: NOTHING }];
    this.#groups.set(keyOf(group), { group: { ...group, points: known?.group.points ?? [] }, samples });
    this.#add(samples, group.totals);
  }

  #add(samples: Sample[], totals: TrafficTotals): void {
    samples.push({ at: this.#at, totals });
    while (samples.length > 2 && (samples[1]?.at ?? 0) <= this.#at - MEAN_MS) samples.shift();
  }

  #row({ group, samples }: Followed): TrafficRow {
    const [oldest] = samples;
    const newest = samples.at(-1);
    const { opened, closed } = group.totals;
    const names = {
      ...{ service: group.service, from: group.from?.name ?? "door", to: group.to?.name ?? "?" },
      open: Math.max(0, opened - closed),
    };
    if (oldest !== undefined && newest !== undefined && newest.at > oldest.at) {
      return {
        ...names,
        ...ratesOf(differenceOf(newest.totals, oldest.totals), (newest.at - oldest.at) / 1000),
      };
    }
    // Before the first tick, the last whole steps of the answer tell the rate.
    const stepMs = this.#first?.stepMs ?? 1000;
    const steps = Math.max(1, Math.ceil(MEAN_MS / stepMs));
    const points = group.points.slice(0, -1).slice(-steps);
    return { ...names, ...ratesOf(sumOf(points), (steps * stepMs) / 1000) };
  }
}

const NOTHING: TrafficTotals = {
  ...{ opened: 0, closed: 0, failed: 0, requests: 0, requestsFailed: 0, bytesToTarget: 0, bytesToClient: 0 },
  latency: [],
};

const COUNTS = ["opened", "failed", "requests", "requestsFailed", "bytesToTarget", "bytesToClient"] as const;
type Counts = Record<(typeof COUNTS)[number], number> & { readonly latency: number[] };

const keyOf = ({ service, from, to }: TrafficGroup) => `${service} ${from?.id ?? ""} ${to?.id ?? ""}`;

function differenceOf(newer: TrafficTotals, older: TrafficTotals): Counts {
  const latency = emptyHistogram();
  addToHistogram(latency, newer.latency);
  subtract(latency, older.latency);
  return { ...countsBy((name) => Math.max(0, newer[name] - older[name])), latency };
}

function sumOf(points: readonly (TrafficPoint | null)[]): Counts {
  const latency = emptyHistogram();
  for (const point of points) addToHistogram(latency, point?.latency ?? []);
  const sum = (name: (typeof COUNTS)[number]) =>
    points.reduce((total, point) => total + (point?.[name] ?? 0), 0);
  return { ...countsBy(sum), latency };
}

function countsBy(value: (name: (typeof COUNTS)[number]) => number): Omit<Counts, "latency"> {
  return Object.fromEntries(COUNTS.map((name) => [name, value(name)])) as Omit<Counts, "latency">;
}

function subtract(from: number[], what: SparseHistogram): void {
  for (const [index, count] of what) from[index] = Math.max(0, (from[index] ?? 0) - count);
}

function ratesOf(counts: Counts, seconds: number) {
  return {
    streams: counts.opened / seconds,
    requests: counts.requests / seconds,
    errors: (counts.failed + counts.requestsFailed) / seconds,
    bytesToTarget: counts.bytesToTarget / seconds,
    bytesToClient: counts.bytesToClient / seconds,
    p50: quantileOf(counts.latency, 0.5),
    p99: quantileOf(counts.latency, 0.99),
  };
}
