import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { sleep } from "../../../../connector/async/sleep.ts";

describe("sleep", () => {
  it("resolves with true after its time", async () => {
    expect(await sleep(1)).toBe(true);
    expect(await sleep(1, new AbortController().signal, { ref: false })).toBe(true);
  });

  it("resolves with false when the signal aborts, before or during the wait", async () => {
    const stop = new AbortController();
    const waiting = sleep(600_000, stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
    expect(await sleep(600_000, stop.signal)).toBe(false);
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    await sleep(1, signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
