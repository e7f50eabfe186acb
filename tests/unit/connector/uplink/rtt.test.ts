import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClockWatch, clockSkew, isSkewed, SKEW_MS } from "../../../../connector/uplink/clock-skew.ts";
import { RoundTrip, TELL_EVERY_MS } from "../../../../connector/uplink/rtt.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

/** Keep-alives come this often, ms. */
const EVERY = 20_000;

/** What is told of a series of answers, with when. */
function tell(samples: readonly number[], roundTrip = new RoundTrip()) {
  return samples.flatMap((ms, at) => {
    const told = roundTrip.measured(ms, at * EVERY);
    return told === null ? [] : [{ rtt: told, at: at * EVERY }];
  });
}

describe("the round trip to the edge", () => {
  it("is not known before the first answer, and then the median of the last ones", () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.value).toBeNull();
    for (const ms of [40, 42, 900, 41, 43]) roundTrip.measured(ms, 0);
    expect(roundTrip.value).toBe(42);
  });

  it("is told after the first answer, and never again while it stays about the same", () => {
    const samples = Array.from({ length: 3 * 60 * 24 }, (_, at) => 40 + ((at * 7) % 19));
    expect(tell(samples)).toEqual([{ rtt: 40, at: 0 }]);
  });

  it("is told again when it has changed by half or more, ten minutes later at the earliest", () => {
    const before = Array.from({ length: 5 }, () => 40);
    const after = Array.from({ length: 60 }, () => 60);
    const told = tell([...before, ...after]);
    expect(told).toEqual([
      { rtt: 40, at: 0 },
      { rtt: 60, at: TELL_EVERY_MS },
    ]);
  });

  it("is not told again for one slow answer, nor for a few milliseconds", () => {
    const samples = Array.from({ length: 200 }, (_, at) => (at % 40 === 39 ? 5000 : 0.4 + (at % 3)));
    expect(tell(samples)).toHaveLength(1);
  });

  it("is told anew on another uplink", () => {
    const roundTrip = new RoundTrip();
    expect(tell([40, 40], roundTrip)).toHaveLength(1);
    roundTrip.restart();
    expect(roundTrip.value).toBeNull();
    expect(roundTrip.measured(41, 1000)).toBe(41);
  });

  it("is told at most once in ten minutes, whatever is measured", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 300 }), (samples) => {
        const told = tell(samples).map(({ at }) => at);
        for (const [index, at] of told.entries()) {
          if (index > 0) expect(at - (told[index - 1] ?? 0)).toBeGreaterThanOrEqual(TELL_EVERY_MS);
        }
        expect(told.length).toBe(samples.length === 0 ? 0 : Math.max(1, told.length));
      }),
    );
  });
});

describe("this machine's clock", () => {
  it("is right when the edge's time lies between question and answer", () => {
    expect(clockSkew(1500, { asked: 1000, answered: 2000 })).toBe(0);
    expect(clockSkew(900, { asked: 1000, answered: 2000 })).toBe(-100);
    expect(clockSkew(2100, { asked: 1000, answered: 2000 })).toBe(100);
  });

  it("is worth a word from ten seconds on, either way", () => {
    expect([SKEW_MS - 1, SKEW_MS, -SKEW_MS, 0, null].map(isSkewed)).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it("is told once, with which way, until it is right again", () => {
    const log = new MemoryLog();
    const watch = new ClockWatch(log);
    expect(watch.skewMs).toBeNull();
    for (const skew of [40, 180_000, 181_000, 3, -15_000]) watch.note(skew);
    expect(log.lines.map(({ level, text }) => [level, text])).toEqual([
      ["warn", expect.stringContaining("180 s behind the edge's")],
      ["info", expect.stringContaining("agrees")],
      ["warn", expect.stringContaining("15 s ahead of the edge's")],
    ]);
    expect(watch.skewMs).toBe(-15_000);
    watch.note(40);
    expect(watch.skewMs).toBe(0);
  });
});
