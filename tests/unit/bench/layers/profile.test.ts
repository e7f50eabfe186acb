import { describe, expect, it } from "vitest";
import type { Exchange, Sample } from "../../../bench/layers/measure.ts";
import { selfTimes } from "../../../bench/layers/profile.ts";

const frame = (functionName: string) => ({
  functionName,
  scriptId: "1",
  url: "",
  lineNumber: 0,
  columnNumber: 0,
});
const node = (id: number, functionName: string) => ({ id, callFrame: frame(functionName) });
const sample = (from: number, to: number): Sample => ({ us: (to - from) * 1000, waits: 0, from, to });

/** Timed from 1 to 2 ms and from 4 to 5 ms. */
const EXCHANGES: Exchange[] = [{ out: sample(1, 2), back: sample(4, 5) }];

describe("selfTimes", () => {
  it("counts the samples within the timed parts alone, most first", () => {
    const profile = {
      nodes: [node(1, "near"), node(2, "far"), node(3, "(idle)")],
      startTime: 10_000,
      endTime: 16_000,
      // At 0.5, 1.5, 1.8, 3, 4.5 and 6 ms.
      samples: [2, 3, 1, 2, 1, 2],
      timeDeltas: [500, 1000, 300, 1200, 1500, 1500],
    };
    const times = selfTimes(profile, EXCHANGES, 10_000);
    expect(times.map(({ name }) => name)).toEqual(["near", "(poll phase, without its callbacks)"]);
    expect(times[0]?.share).toBeCloseTo(2 / 3);
  });

  it("is empty without samples", () => {
    expect(selfTimes({ nodes: [], startTime: 0, endTime: 0 }, EXCHANGES, 0)).toEqual([]);
  });
});
