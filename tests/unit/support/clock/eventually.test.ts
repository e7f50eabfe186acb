import { describe, expect, it, vi } from "vitest";
import { eventually } from "../../../support/clock/eventually.ts";

describe("eventually", () => {
  it("returns what the probe finds, after errors and after results that mean not yet", async () => {
    const results = [null, undefined, false, new Error("not there"), 0];
    const probe = () => {
      const result = results.shift();
      if (result instanceof Error) throw result;
      return result;
    };
    expect(await eventually("a number", probe, { every: 1 })).toBe(0);
    expect(results).toEqual([]);
  });

  it("names the condition and the last error at the deadline, which counts only after several probes", async () => {
    const probe = vi.fn(() => Promise.reject(new Error("still closed")));
    const waiting = eventually("the door opens", probe, { within: 0, every: 1 });
    await expect(waiting).rejects.toThrow("Not within 0 s: the door opens: still closed.");
    expect(probe).toHaveBeenCalledTimes(10);
  });

  it("goes on while a test replaces the date and its timers", async () => {
    vi.useFakeTimers();
    try {
      let probes = 0;
      await eventually("three probes", () => ++probes === 3, { every: 1 });
      await expect(eventually("nothing", () => null, { within: 20, every: 1 })).rejects.toThrow("nothing");
    } finally {
      vi.useRealTimers();
    }
  });
});
