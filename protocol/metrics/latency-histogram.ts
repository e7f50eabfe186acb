/** Histograms of durations as metrics have them: with the bounds of their reader, and in its unit. */
import {
  addToHistogram,
  emptyHistogram,
  LATENCY_BOUNDS_MS,
  type SparseHistogram,
} from "../telemetry/latency.ts";
import type { HistogramValue } from "./metric.ts";

/** Adds up histograms of durations. */
export class LatencySum {
  readonly #counts = emptyHistogram();
  /** The sum of all durations, ms. */
  #sumMs = 0;

  add(latency: SparseHistogram, sumMs: number): void {
    addToHistogram(this.#counts, latency);
    this.#sumMs += sumMs;
  }

  /** Whether anything was observed. */
  get isEmpty(): boolean {
    return this.#counts.every((count) => count === 0);
  }

  /**
   * The histogram in another unit, with buckets of its own.
   *
   * @param boundsMs some of {@link LATENCY_BOUNDS_MS}, ascending
   * @param perMs units in a millisecond: 0.001 for seconds
   */
  value(perMs: number, boundsMs: readonly number[] = LATENCY_BOUNDS_MS): HistogramValue {
    const counts = new Array<number>(boundsMs.length + 1).fill(0);
    let bucket = 0;
    for (const [index, count] of this.#counts.entries()) {
      const upTo = LATENCY_BOUNDS_MS[index] ?? Number.POSITIVE_INFINITY;
      while (bucket < boundsMs.length && (boundsMs[bucket] ?? 0) < upTo) bucket++;
      counts[bucket] = (counts[bucket] ?? 0) + count;
    }
    const scale = (ms: number) => Number((ms * perMs).toPrecision(12));
    return { bounds: boundsMs.map(scale), counts, sum: scale(this.#sumMs) };
  }
}
