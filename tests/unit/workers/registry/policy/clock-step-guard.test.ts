import { describe, expect, it } from "vitest";
import { ClockStepGuard } from "../../../../../workers/registry/policy/clock-step-guard.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3600_000;

describe("the clock step guard", () => {
  it("returns past times unchanged", () => {
    expect(new ClockStepGuard().past({}, NOW - 5, NOW)).toBe(NOW - 5);
  });

  it("returns the time of first sight for a future time", () => {
    const guard = new ClockStepGuard();
    const key = {};
    expect(guard.past(key, NOW, NOW - HOUR)).toBe(NOW - HOUR);
    expect(guard.past(key, NOW, NOW - HOUR + 45_000)).toBe(NOW - HOUR);
  });

  it("starts again for a later time, for another key, and when the clock is set back once more", () => {
    const guard = new ClockStepGuard();
    const key = {};
    guard.past(key, NOW, NOW - HOUR);
    expect(guard.past(key, NOW + 1, NOW - HOUR + 10)).toBe(NOW - HOUR + 10);
    expect(guard.past({}, NOW, NOW - HOUR + 20)).toBe(NOW - HOUR + 20);
    expect(guard.past(key, NOW + 1, NOW - 2 * HOUR)).toBe(NOW - 2 * HOUR);
  });
});
