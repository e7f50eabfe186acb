import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Waiters } from "../../../../connector/async/waiters.ts";

describe("Waiters", () => {
  it("wakes every waiter", async () => {
    const waiters = new Waiters();
    const { signal } = new AbortController();
    const both = [waiters.wait(600_000), waiters.wait(600_000, signal)];
    expect(waiters.size).toBe(2);
    waiters.wake();
    await Promise.all(both);
    expect(waiters.size).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("lets a waiter go after its time", async () => {
    const waiters = new Waiters();
    await waiters.wait(1);
    expect(waiters.size).toBe(0);
  });

  it("lets a waiter go when its signal aborts, before or during the wait", async () => {
    const waiters = new Waiters();
    const stop = new AbortController();
    const waiting = waiters.wait(600_000, stop.signal);
    stop.abort();
    await waiting;
    await waiters.wait(600_000, stop.signal);
    expect(waiters.size).toBe(0);
  });
});
