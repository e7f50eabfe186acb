import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { median, percentile, ratio, rotated } from "../../bench/statistics.ts";

describe("the median", () => {
  test("is the middle figure, and of an even count the mean of the middle two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  test("is NaN for no figures", () => {
    expect(median([])).toBeNaN();
  });

  test("lies between the extremes, whatever the order, and leaves the figures as they were", () => {
    // Sorting leaves -0 and 0 in their order, so none is -0.
    const figure = fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((each) => each + 0);
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1 }), (figures) => {
        const before = [...figures];
        const value = median(figures);
        expect(figures).toEqual(before);
        expect(value).toBeGreaterThanOrEqual(Math.min(...figures));
        expect(value).toBeLessThanOrEqual(Math.max(...figures));
        expect(median(figures.toReversed())).toBe(value);
      }),
    );
  });
});

test("a percentile is a figure that was measured, by nearest rank", () => {
  const figures = Array.from({ length: 1000 }, (_, at) => at + 1);
  expect(percentile(figures, 0.5)).toBe(500);
  expect(percentile(figures, 0.99)).toBe(990);
  expect(percentile(figures, 0.999)).toBe(999);
  expect(percentile([5], 0.999)).toBe(5);
  expect(percentile([], 0.5)).toBeNaN();
});

test("a ratio to nothing, or of nothing, is none", () => {
  expect(ratio(6, 3)).toBe(2);
  expect(ratio(6, 0)).toBeNull();
  expect(ratio(undefined, 3)).toBeNull();
  expect(ratio(3, undefined)).toBeNull();
});

test("each round begins with another one", () => {
  expect([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))).toEqual([
    "abc",
    "bca",
    "cab",
    "abc",
  ]);
  expect(rotated([], 2)).toEqual([]);
});
