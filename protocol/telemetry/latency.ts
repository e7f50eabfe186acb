/**
 * Histograms of durations. Every connector counts with the same bounds, so histograms add up over connectors, sites and
 * times without loss.
 */
import * as z from "zod";

/** Upper bounds of the buckets, ms, ascending. What is longer falls into one more bucket. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 25, 35, 50, 75, 100, 150, 250, 350, 500, 750, 1000,
  1500, 2500, 5000, 10_000, 30_000, 60_000,
];

/** The number of buckets, with that for longer durations. */
export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1;

/** The counts of the buckets that are not empty, as pairs of index and count, by ascending index. */
export const SparseHistogram = z
  .array(
    z.tuple([
      z
        .number()
        .int()
        .min(0)
        .max(LATENCY_BUCKETS - 1),
      z.number().int().min(1),
    ]),
  )
  .max(LATENCY_BUCKETS);
export type SparseHistogram = z.infer<typeof SparseHistogram>;

/** The index of the bucket for a duration, ms. */
export function latencyBucket(ms: number): number {
  let low = 0;
  let high = LATENCY_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= (LATENCY_BOUNDS_MS[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A histogram with a place for every bucket. */
export function emptyHistogram(): number[] {
  return new Array<number>(LATENCY_BUCKETS).fill(0);
}

/** Adds a sparse histogram to a full one. */
export function addToHistogram(into: number[], sparse: SparseHistogram): void {
  for (const [index, count] of sparse) into[index] = (into[index] ?? 0) + count;
}

/** The buckets of a full histogram that are not empty. */
export function toSparse(counts: readonly number[]): SparseHistogram {
  return counts.flatMap((count, index): SparseHistogram => (count > 0 ? [[index, count]] : []));
}

/**
 * An estimate of a quantile, ms: linear within its bucket. Null without observations.
 *
 * @param q from 0 to 1
 */
export function quantileOf(counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count === 0) continue;
    if (below + count >= rank) {
      const from = index === 0 ? 0 : (LATENCY_BOUNDS_MS[index - 1] ?? 0);
      const to = LATENCY_BOUNDS_MS[index];
      return to === undefined ? from : from + ((to - from) * Math.max(0, rank - below)) / count;
    }
    below += count;
  }
  return LATENCY_BOUNDS_MS.at(-1) ?? null;
}
