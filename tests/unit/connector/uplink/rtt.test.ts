import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REPORT_INTERVAL_MS, Rtt } from "../../../../connector/uplink/rtt.ts";

/** Between two keep-alives, ms. */
const EVERY_MS = 20_000;

/** The reports on a series of samples, with their times. */
function reportsOn(samples: readonly number[], rtt = new Rtt()) {
  return samples.flatMap((ms, at) => {
    const report = rtt.add(ms, at * EVERY_MS);
    return report === null ? [] : [{ rtt: report, at: at * EVERY_MS }];
  });
}

describe("Rtt", () => {
  it("is unknown before the first sample, and then the median of the last samples", () => {
    const rtt = new Rtt();
    expect(rtt.median).toBeNull();
    for (const ms of [40, 42, 900, 41, 43]) rtt.add(ms, 0);
    expect(rtt.median).toBe(42);
  });

  it("is reported after the first sample, and never again while it stays about the same", () => {
    const samples = Array.from({ length: 3 * 60 * 24 }, (_, at) => 40 + ((at * 7) % 19));
    expect(reportsOn(samples)).toEqual([{ rtt: 40, at: 0 }]);
  });

  it("is reported again after a change by half or more, ten minutes later at the earliest", () => {
    const before = Array.from({ length: 5 }, () => 40);
    const after = Array.from({ length: 60 }, () => 60);
    expect(reportsOn([...before, ...after])).toEqual([
      { rtt: 40, at: 0 },
      { rtt: 60, at: REPORT_INTERVAL_MS },
    ]);
  });

  it("is not reported again for one slow sample or a change of a few milliseconds", () => {
    const samples = Array.from({ length: 200 }, (_, at) => (at % 40 === 39 ? 5000 : 0.4 + (at % 3)));
    expect(reportsOn(samples)).toHaveLength(1);
  });

  it("is reported again after a reset", () => {
    const rtt = new Rtt();
    expect(reportsOn([40, 40], rtt)).toHaveLength(1);
    rtt.reset();
    expect(rtt.median).toBeNull();
    expect(rtt.add(41, 1000)).toBe(41);
  });

  it("is reported at most once in ten minutes, whatever the samples are", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 300 }), (samples) => {
        const times = reportsOn(samples).map(({ at }) => at);
        for (const [index, at] of times.entries()) {
          if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(REPORT_INTERVAL_MS);
        }
        expect(times.length).toBe(samples.length === 0 ? 0 : Math.max(1, times.length));
      }),
    );
  });
});
