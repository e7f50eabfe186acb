import { describe, expect, it } from "vitest";
import { resolvesWithin, withTimeout } from "../../../../connector/async/timeout.ts";

const never = new Promise<never>(() => {});
const late = () => new Error("late");

describe("withTimeout", () => {
  it("returns the result of work that ends in time", async () => {
    expect(await withTimeout(Promise.resolve(7), 600_000, late)).toBe(7);
  });

  it("throws what the work rejects with", async () => {
    await expect(withTimeout(Promise.reject(new Error("broken")), 600_000, late)).rejects.toThrow("broken");
  });

  it("throws the error of the timeout when the work takes longer", async () => {
    await expect(withTimeout(never, 1, late)).rejects.toThrow("late");
  });

  it("ignores a rejection after the timeout", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    await expect(withTimeout(promise, 1, late)).rejects.toThrow("late");
    reject(new Error("nobody handles this"));
    await new Promise(setImmediate);
  });
});

describe("resolvesWithin", () => {
  it("is true for work that resolves in time, and false for work that takes longer", async () => {
    expect(await resolvesWithin(Promise.resolve(), 600_000)).toBe(true);
    expect(await resolvesWithin(never, 1)).toBe(false);
  });

  it("throws what the work rejects with", async () => {
    await expect(resolvesWithin(Promise.reject(new Error("broken")), 600_000)).rejects.toThrow("broken");
  });
});
