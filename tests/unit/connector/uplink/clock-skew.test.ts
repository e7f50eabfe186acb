import { describe, expect, it } from "vitest";
import {
  ClockSkew,
  isSkewed,
  measureSkew,
  SKEW_THRESHOLD_MS,
} from "../../../../connector/uplink/clock-skew.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

describe("measureSkew", () => {
  it("is zero when the edge's time lies between request and response", () => {
    expect(measureSkew(1500, { requested: 1000, answered: 2000 })).toBe(0);
    expect(measureSkew(900, { requested: 1000, answered: 2000 })).toBe(-100);
    expect(measureSkew(2100, { requested: 1000, answered: 2000 })).toBe(100);
  });
});

describe("isSkewed", () => {
  it("is true from ten seconds on, in either direction", () => {
    expect([SKEW_THRESHOLD_MS - 1, SKEW_THRESHOLD_MS, -SKEW_THRESHOLD_MS, 0, null].map(isSkewed)).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("ClockSkew", () => {
  it("logs a skew once, with its direction, and logs when the clock is right again", () => {
    const log = new MemoryLog();
    const clock = new ClockSkew(log);
    expect(clock.skewMs).toBeNull();
    for (const skew of [40, 180_000, 181_000, 3, -15_000]) clock.set(skew);
    expect(log.lines.map(({ level, text }) => [level, text])).toEqual([
      ["warn", expect.stringContaining("180 s behind the edge's")],
      ["info", expect.stringContaining("agrees")],
      ["warn", expect.stringContaining("15 s ahead of the edge's")],
    ]);
    expect(clock.skewMs).toBe(-15_000);
    clock.set(40);
    expect(clock.skewMs).toBe(0);
  });
});
