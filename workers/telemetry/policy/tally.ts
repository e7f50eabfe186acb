/** What was counted of a series: in all, by one process, or in a span of time. */
import type { SparseHistogram } from "../../../protocol/telemetry/latency.ts";
import type { SeriesValues } from "../../../protocol/telemetry/series.ts";

/** The counts of a tally, in the order in which they are stored. */
const COUNTS = ["opened", "closed", "failed", "bytesToTarget", "bytesToClient", "latencySum"] as const;

/**
 * Counts of streams or requests, and the histogram of their durations. Sums stop at the largest exact integer, so that
 * a site that reports nonsense spoils no answer.
 */
export class Tally {
  opened = 0;
  closed = 0;
  failed = 0;
  bytesToTarget = 0;
  bytesToClient = 0;
  /** ms */
  latencySum = 0;
  /** Index and count of each bucket that is not empty, alternating, by ascending index. */
  latency: readonly number[] = [];

  static of(values: SeriesValues): Tally {
    const tally = new Tally();
    for (const count of COUNTS) tally[count] = values[count];
    const sorted = [...values.latency].sort(([left], [right]) => left - right);
    tally.latency = sorted.flatMap(([index, count], at) =>
      sorted[at - 1]?.[0] === index ? [] : [index, count],
    );
    return tally;
  }

  /** The tally in an array of {@link encode}. */
  static decode(numbers: readonly number[]): Tally {
    const tally = new Tally();
    for (const [at, count] of COUNTS.entries()) tally[count] = numbers[at] ?? 0;
    tally.latency = numbers.slice(COUNTS.length);
    return tally;
  }

  /** The counts, then the histogram. */
  encode(): number[] {
    return [...COUNTS.map((count) => rounded(this[count])), ...this.latency];
  }

  copy(): Tally {
    const tally = new Tally();
    tally.add(this);
    return tally;
  }

  add(more: Tally): void {
    for (const count of COUNTS) this[count] = sum(this[count], more[count]);
    this.latency = merge(this.latency, more.latency, sum);
  }

  /**
   * Raises every count to a later reading of the same counters, and returns by how much. A counter that went backwards
   * keeps its value. Null where nothing grew.
   */
  raiseTo(reading: Tally): Tally | null {
    const growth = new Tally();
    let grew = false;
    for (const count of COUNTS) {
      const more = reading[count] - this[count];
      if (more <= 0) continue;
      growth[count] = more;
      this[count] = reading[count];
      grew = true;
    }
    growth.latency = excess(reading.latency, this.latency);
    if (growth.latency.length > 0) {
      this.latency = merge(this.latency, growth.latency, sum);
      grew = true;
    }
    return grew ? growth : null;
  }

  /**
   * The parts of a tally that was counted over several steps of time: as equal as integers can be, and in sum exactly
   * the whole.
   */
  split(parts: number): Tally[] {
    const shares: Tally[] = [];
    for (let part = 0; part < parts; part++) {
      const share = new Tally();
      const of = (count: number) =>
        Math.floor((count * (part + 1)) / parts) - Math.floor((count * part) / parts);
      for (const count of COUNTS)
        share[count] = count === "latencySum" ? this[count] / parts : of(this[count]);
      const latency: number[] = [];
      for (let at = 0; at + 1 < this.latency.length; at += 2) {
        const count = of(this.latency[at + 1] ?? 0);
        if (count > 0) latency.push(this.latency[at] ?? 0, count);
      }
      share.latency = latency;
      shares.push(share);
    }
    return shares;
  }

  /** The histogram in the form of the API. */
  histogram(): SparseHistogram {
    const sparse: SparseHistogram = [];
    for (let at = 0; at + 1 < this.latency.length; at += 2) {
      sparse.push([this.latency[at] ?? 0, this.latency[at + 1] ?? 0]);
    }
    return sparse;
  }

  /** The values in the form in which connectors report them. */
  values(): SeriesValues {
    const { opened, closed, failed, bytesToTarget, bytesToClient, latencySum } = this;
    return { opened, closed, failed, bytesToTarget, bytesToClient, latencySum, latency: this.histogram() };
  }
}

const sum = (left: number, right: number): number => Math.min(Number.MAX_SAFE_INTEGER, left + right);

/** To three decimals, which is below a millisecond's resolution of anything here, and keeps stored numbers short. */
const rounded = (count: number): number =>
  Number.isInteger(count) ? count : Math.round(count * 1000) / 1000;

/** Merges two sorted lists of alternating indexes and counts. */
function merge(
  left: readonly number[],
  right: readonly number[],
  combine: (left: number, right: number) => number,
): readonly number[] {
  if (right.length === 0) return left;
  if (left.length === 0) return right;
  const merged: number[] = [];
  let a = 0;
  let b = 0;
  while (a < left.length || b < right.length) {
    const i = left[a] ?? Number.POSITIVE_INFINITY;
    const j = right[b] ?? Number.POSITIVE_INFINITY;
    if (i === j) merged.push(i, combine(left[a + 1] ?? 0, right[b + 1] ?? 0));
    else merged.push(Math.min(i, j), (i < j ? left[a + 1] : right[b + 1]) ?? 0);
    if (i <= j) a += 2;
    if (j <= i) b += 2;
  }
  return merged;
}

/** By how much the counts of a reading exceed earlier ones. Both are sorted. */
function excess(reading: readonly number[], before: readonly number[]): readonly number[] {
  const more: number[] = [];
  let b = 0;
  for (let at = 0; at + 1 < reading.length; at += 2) {
    const index = reading[at] ?? 0;
    while (b < before.length && (before[b] ?? 0) < index) b += 2;
    const known = before[b] === index ? (before[b + 1] ?? 0) : 0;
    const count = (reading[at + 1] ?? 0) - known;
    if (count > 0) more.push(index, count);
  }
  return more;
}
