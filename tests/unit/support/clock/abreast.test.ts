import { describe, expect, it } from "vitest";
import { abreast } from "../../../support/clock/abreast.ts";

describe("abreast", () => {
  it("does the work for every item, and never for more than the width at once", async () => {
    let [running, most] = [0, 0];
    const done: number[] = [];
    await abreast([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      done.push(item);
    });
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it("begins no further item after the first that failed, and throws its error", async () => {
    const begun: number[] = [];
    const failing = abreast([1, 2, 3, 4], 1, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error("item 2");
      await Promise.resolve();
    });
    await expect(failing).rejects.toThrow("item 2");
    expect(begun).toEqual([1, 2]);
  });
});
