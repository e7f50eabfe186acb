/** Rates, sums and latency of traffic groups, which every page of the console computes in one way. */
import type { Traffic, TrafficGroup, TrafficPoint } from "../../../../protocol/api/traffic.ts";
import {
  addToHistogram,
  emptyHistogram,
  quantileOf,
  toSparse,
} from "../../../../protocol/telemetry/latency.ts";

/** What is counted, besides latency. */
export type Count = Exclude<keyof TrafficPoint, "latency">;

/** A rate is an average over at least this time, s, where the steps are shorter. */
const RATE_SECONDS = 20;

/** The time of an answer and of its steps. */
export type TrafficTime = Pick<Traffic, "at" | "from" | "stepSeconds">;

/** What a group does now, per second. */
export interface Rates {
  readonly streams: number;
  readonly requests: number;
  /** Streams and requests that failed. */
  readonly failed: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
}

export const NO_RATES: Rates = { streams: 0, requests: 0, failed: 0, bytesToTarget: 0, bytesToClient: 0 };

/** The newest steps that a rate is made of, and the time that they cover, s. */
function newestSteps(
  { at, from, stepSeconds }: TrafficTime,
  steps: number,
): { from: number; seconds: number } {
  const elapsed = (Date.parse(at) - Date.parse(from)) / 1000 - (steps - 1) * stepSeconds;
  const newest = Math.min(stepSeconds, Math.max(0, elapsed));
  const whole = newest >= RATE_SECONDS ? 0 : Math.ceil((RATE_SECONDS - newest) / stepSeconds);
  const used = Math.min(steps, whole + 1);
  return { from: steps - used, seconds: Math.max(1, newest + (used - 1) * stepSeconds) };
}

/** What groups do now together. The newest step counts with the part of it that has passed. */
export function ratesOf(time: TrafficTime, groups: readonly TrafficGroup[]): Rates {
  const sums = { streams: 0, requests: 0, failed: 0, bytesToTarget: 0, bytesToClient: 0 };
  for (const { points } of groups) {
    const { from, seconds } = newestSteps(time, points.length);
    for (const point of points.slice(from)) {
      if (point === null) continue;
      sums.streams += (point.opened ?? 0) / seconds;
      sums.requests += (point.requests ?? 0) / seconds;
      sums.failed += ((point.failed ?? 0) + (point.requestsFailed ?? 0)) / seconds;
      sums.bytesToTarget += (point.bytesToTarget ?? 0) / seconds;
      sums.bytesToClient += (point.bytesToClient ?? 0) / seconds;
    }
  }
  return sums;
}

/** What each site sends and receives together now, B/s by its name. */
export function bytesBySite(traffic: TrafficTime & Pick<Traffic, "groups">): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const group of traffic.groups) {
    const { bytesToClient, bytesToTarget } = ratesOf(traffic, [group]);
    for (const name of new Set([group.from?.name, group.to?.name]))
      if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + bytesToClient + bytesToTarget);
  }
  return sums;
}

/** Values over time: starts of the steps, s since 1970, and one value each; null where it is unknown. */
export interface TimeSeries {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

const stepsOf = (groups: readonly TrafficGroup[]): number =>
  groups.reduce((most, { points }) => Math.max(most, points.length), 0);

function timesOf({ from, stepSeconds }: TrafficTime, steps: number): number[] {
  const start = Math.floor(Date.parse(from) / 1000);
  return Array.from({ length: steps }, (_, index) => start + index * stepSeconds);
}

/** The sum of counts of groups over time, per second. */
export function ratesOverTime(
  time: TrafficTime,
  groups: readonly TrafficGroup[],
  counts: readonly Count[],
): TimeSeries {
  const times = timesOf(time, stepsOf(groups));
  const values = new Array<number>(times.length).fill(0);
  const newest = newestSeconds(time, times.length);
  for (const { points } of groups) {
    for (const [index, point] of points.entries()) {
      if (point === null) continue;
      const seconds = index === times.length - 1 ? newest : time.stepSeconds;
      const sum = counts.reduce((total, count) => total + (point[count] ?? 0), 0);
      values[index] = (values[index] ?? 0) + sum / seconds;
    }
  }
  return { times, values };
}

/** How much of the newest step has passed, s; at least a fifth of it, so a single stream is no peak. */
function newestSeconds({ at, from, stepSeconds }: TrafficTime, steps: number): number {
  const elapsed = (Date.parse(at) - Date.parse(from)) / 1000 - (steps - 1) * stepSeconds;
  return Math.min(stepSeconds, Math.max(stepSeconds / 5, elapsed));
}

/** A quantile of the durations of groups over time, ms. */
export function latencyOverTime(time: TrafficTime, groups: readonly TrafficGroup[], q: number): TimeSeries {
  const times = timesOf(time, stepsOf(groups));
  const values = times.map((_, index) => {
    const histogram = emptyHistogram();
    for (const { points } of groups) addToHistogram(histogram, points[index]?.latency ?? []);
    return quantileOf(histogram, q);
  });
  return { times, values };
}

/** The counts of groups in the window together. */
export function sumOf(groups: readonly TrafficGroup[], count: Count): number {
  return groups.reduce(
    (sum, { points }) => sum + points.reduce((part, point) => part + (point?.[count] ?? 0), 0),
    0,
  );
}

/** Streams of groups that are open now. */
export const openOf = (groups: readonly TrafficGroup[]): number =>
  groups.reduce((sum, { totals }) => sum + Math.max(0, totals.opened - totals.closed), 0);

/** The middle and the 99th percentile of the durations in the window, ms; null without any. */
export interface Latency {
  readonly p50: number | null;
  readonly p99: number | null;
}

export function latencyOf(groups: readonly TrafficGroup[]): Latency {
  const histogram = emptyHistogram();
  for (const { points } of groups)
    for (const point of points) addToHistogram(histogram, point?.latency ?? []);
  return { p50: quantileOf(histogram, 0.5), p99: quantileOf(histogram, 0.99) };
}

/** Groups with the same key, by descending bytes in the window, then by key. */
export interface Ranked {
  readonly key: string;
  readonly groups: readonly TrafficGroup[];
  readonly bytes: number;
}

/** @param keyOf the key of a group; null leaves it out */
export function rank(
  groups: readonly TrafficGroup[],
  keyOf: (group: TrafficGroup) => string | null,
): Ranked[] {
  const byKey = new Map<string, TrafficGroup[]>();
  for (const group of groups) {
    const key = keyOf(group);
    if (key === null) continue;
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [group]);
    else same.push(group);
  }
  const ranked = [...byKey].map(([key, same]) => ({
    key,
    groups: same,
    bytes: sumOf(same, "bytesToTarget") + sumOf(same, "bytesToClient"),
  }));
  return ranked.sort((a, b) => b.bytes - a.bytes || (a.key < b.key ? -1 : 1));
}

/** The counts of a group added to those of another. */
export function addPoints(a: TrafficPoint | null, b: TrafficPoint | null): TrafficPoint | null {
  if (a === null || b === null) return a ?? b;
  const sum: TrafficPoint = { ...a };
  for (const count of COUNTS) {
    const value = (a[count] ?? 0) + (b[count] ?? 0);
    if (value !== 0) sum[count] = value;
  }
  if (b.latency !== undefined) {
    const histogram = emptyHistogram();
    addToHistogram(histogram, a.latency ?? []);
    addToHistogram(histogram, b.latency);
    sum.latency = toSparse(histogram);
  }
  return sum;
}

const COUNTS: readonly Count[] = [
  "opened",
  "closed",
  "failed",
  "requests",
  "requestsFailed",
  "bytesToTarget",
  "bytesToClient",
];
