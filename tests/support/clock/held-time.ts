/** Time that passes only when a test lets it, so that a busy machine makes no time limit of the program pass. */
import { onTestFinished, vi } from "vitest";

/**
 * Holds timers and `performance.now` until the test ends. The wall clock, sockets, files and processes go on, and so does
 * waiting for them with `eventually`. Call it before the program under test starts timers.
 *
 * @returns lets so much time pass, ms, and resolves when what it caused at once has been done
 */
export function holdTime(): (ms: number) => Promise<void> {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
  onTestFinished(() => void vi.useRealTimers());
  return async (ms) => void (await vi.advanceTimersByTimeAsync(ms));
}
