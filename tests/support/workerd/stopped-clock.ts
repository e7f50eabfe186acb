/** A date that stands still, for what an object counts by the second or the day: nothing may depend on the machine. */
import { onTestFinished, vi } from "vitest";

/** The date of the test and of the objects, which share it. */
export interface StoppedClock {
  /** Lets time pass, ms. */
  advance(ms: number): void;
}

/**
 * Stops the date until the end of the test. Timers run on.
 * @param before when given, the date is half a minute before the next end of a period of this length, ms
 */
export function stopClock(before?: number): StoppedClock {
  let now = Date.now();
  if (before !== undefined) now = Math.ceil((now + 60_000) / before) * before - 30_000;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  return {
    advance: (ms) => {
      now += ms;
    },
  };
}
