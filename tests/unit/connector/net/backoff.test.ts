import { describe, expect, it } from "vitest";
import { Backoff } from "../../../../connector/net/backoff.ts";

describe("Backoff", () => {
  it("doubles its bound from 250 ms up to 15 s", () => {
    const backoff = new Backoff({ base: 250, cap: 15_000, random: () => 0.999999 });
    const waits = Array.from({ length: 9 }, () => backoff.next());
    expect(waits).toEqual([249, 499, 999, 1999, 3999, 7999, 14_999, 14_999, 14_999]);
  });

  it("waits between zero and its bound", () => {
    const values = [0, 0.5, 0.25];
    const backoff = new Backoff({ base: 1000, cap: 15_000, random: () => values.shift() ?? 0 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([0, 1000, 1000]);
  });

  it("reports the longest that the last wait could have been", () => {
    const backoff = new Backoff({ base: 250, cap: 600, random: () => 0 });
    expect(backoff.bound).toBe(0);
    for (const bound of [250, 500, 600]) {
      backoff.next();
      expect(backoff.bound).toBe(bound);
    }
    backoff.reset();
    expect(backoff.bound).toBe(0);
  });

  it("stays bounded after thousands of failures and restarts after a reset", () => {
    const backoff = new Backoff({ base: 250, cap: 15_000, random: () => 0.5 });
    for (let failure = 0; failure < 5000; failure++) expect(backoff.next()).toBeLessThanOrEqual(7500);
    backoff.reset();
    expect(backoff.next()).toBe(125);
  });
});
