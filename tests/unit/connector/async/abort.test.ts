import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { aborted, unlessAborted } from "../../../../connector/async/abort.ts";

const never = new Promise<never>(() => {});
const gone = () => new Error("gone");

describe("aborted", () => {
  it("resolves when the signal aborts, and at once when it has aborted already", async () => {
    const stop = new AbortController();
    const waiting = aborted(stop.signal);
    stop.abort();
    await waiting;
    await aborted(stop.signal);
  });
});

describe("unlessAborted", () => {
  it("returns the result of the work and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), signal, gone)).toBe(7);
    expect(await unlessAborted(Promise.resolve(7), undefined, gone)).toBe(7);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("throws when the signal aborts first", async () => {
    const stop = new AbortController();
    const waiting = unlessAborted(never, stop.signal, gone);
    stop.abort();
    await expect(waiting).rejects.toThrow("gone");
  });

  it("throws for a signal that has aborted already, even when the work is done", async () => {
    await expect(unlessAborted(Promise.resolve(7), AbortSignal.abort(), gone)).rejects.toThrow("gone");
  });
});
