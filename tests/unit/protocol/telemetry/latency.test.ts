import { describe, expect, it } from "vitest";
import {
  addToHistogram,
  emptyHistogram,
  LATENCY_BOUNDS_MS,
  LATENCY_BUCKETS,
  latencyBucket,
  quantileOf,
  toSparse,
} from "../../../../protocol/telemetry/latency.ts";

describe("latencyBucket", () => {
  it("puts a duration into the first bucket whose bound it does not exceed", () => {
    for (const [index, bound] of LATENCY_BOUNDS_MS.entries()) {
      expect(latencyBucket(bound)).toBe(index);
      expect(latencyBucket(bound + 0.001)).toBe(index + 1);
    }
    expect(latencyBucket(0)).toBe(0);
    expect(latencyBucket(Number.POSITIVE_INFINITY)).toBe(LATENCY_BUCKETS - 1);
  });
});

describe("quantileOf", () => {
  it("is null without observations", () => {
    expect(quantileOf(emptyHistogram(), 0.5)).toBeNull();
  });

  it("lies within the bucket of its rank", () => {
    const counts = emptyHistogram();
    addToHistogram(counts, [
      [latencyBucket(1), 90],
      [latencyBucket(100), 10],
    ]);
    expect(quantileOf(counts, 0.5)).toBeGreaterThan(0.75);
    expect(quantileOf(counts, 0.5)).toBeLessThanOrEqual(1);
    expect(quantileOf(counts, 0.99)).toBeGreaterThan(75);
    expect(quantileOf(counts, 0.99)).toBeLessThanOrEqual(100);
  });

  it("is the highest bound for durations beyond it", () => {
    const counts = emptyHistogram();
    addToHistogram(counts, [[LATENCY_BUCKETS - 1, 1]]);
    expect(quantileOf(counts, 1)).toBe(60_000);
  });
});

describe("toSparse", () => {
  it("keeps what addToHistogram puts back", () => {
    const counts = emptyHistogram();
    addToHistogram(counts, [
      [0, 3],
      [7, 1],
    ]);
    expect(toSparse(counts)).toEqual([
      [0, 3],
      [7, 1],
    ]);
  });
});
