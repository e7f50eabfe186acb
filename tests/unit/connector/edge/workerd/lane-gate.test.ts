import { describe, expect, it } from "vitest";
import { LaneGate, MIN_DESCRIPTORS } from "../../../../../connector/edge/workerd/lane-gate.ts";

const MINUTE = 60_000;

describe("LaneGate", () => {
  it("is never open with few descriptors", () => {
    const gate = new LaneGate(MIN_DESCRIPTORS - 1);
    expect([gate.open, gate.possible]).toEqual([false, false]);
    expect(gate.observe(0, 1e9)).toBe(false);
    expect(gate.open).toBe(false);
  });

  it("closes when half of the descriptors are in use, and opens again after ten minutes", () => {
    const gate = new LaneGate(10_000);
    expect(gate.observe(5_000, 0)).toBe(false);
    expect(gate.observe(5_001, 1)).toBe(true);
    expect(gate.open).toBe(false);
    expect(gate.observe(100, 10 * MINUTE)).toBe(false);
    expect(gate.observe(100, 10 * MINUTE + 1)).toBe(true);
    expect(gate.open).toBe(true);
  });

  it("closes for twice as long each time, at most six hours, and for ten minutes after a long quiet time", () => {
    const gate = new LaneGate(10_000);
    let now = 0;
    const pauses: number[] = [];
    for (let time = 0; time < 8; time++) {
      gate.observe(9_000, ++now);
      const from = now;
      while (!gate.observe(0, now)) now += MINUTE;
      pauses.push((now - from) / MINUTE);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 360, 360]);
    now += 7 * 60 * MINUTE;
    expect(gate.withdraw(now)).toBe(true);
    expect(gate.withdraw(now)).toBe(false);
    expect(gate.observe(0, now + 10 * MINUTE)).toBe(true);
  });
});
