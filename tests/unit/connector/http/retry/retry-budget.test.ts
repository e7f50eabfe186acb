import { describe, expect, it } from "vitest";
import { RETRY_BUDGET, RetryBudget } from "../../../../../connector/http/retry/retry-budget.ts";

/** Takes retries until none is left. Returns their number. */
function takeAll(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.take(now)) taken++;
  return taken;
}

describe("RetryBudget", () => {
  it("has ten retries a second without any request, counted over ten seconds", () => {
    const budget = new RetryBudget();
    expect(takeAll(budget, 5000)).toBe(100);
    expect(budget.take(14_999)).toBe(false);
    expect(takeAll(budget, 15_000)).toBe(100);
  });

  it("has a fifth of the requests of the last ten seconds in addition", () => {
    const budget = new RetryBudget();
    for (let request = 0; request < 1000; request++) budget.request(1000 + request);
    expect(takeAll(budget, 2000)).toBe(300);
    expect(budget.take(10_500)).toBe(false);
    // The requests no longer count, nor do the retries that were taken for them.
    expect(takeAll(budget, 12_000)).toBe(100);
  });

  it("permits over a long time at most a fifth of the requests and ten a second", () => {
    const budget = new RetryBudget();
    let taken = 0;
    const seconds = 200;
    for (let now = 0; now < seconds * 1000; now += 10) {
      budget.request(now);
      // Every request fails, and so does its retry.
      if (budget.take(now)) taken++;
      if (budget.take(now)) taken++;
    }
    const requests = seconds * 100;
    const permitted =
      requests * RETRY_BUDGET.share + (seconds + RETRY_BUDGET.seconds) * RETRY_BUDGET.perSecond;
    expect(taken).toBeLessThanOrEqual(permitted);
    expect(taken).toBeGreaterThan(permitted * 0.9);
  });

  it("forgets everything after a long pause", () => {
    const budget = new RetryBudget();
    budget.request(0);
    takeAll(budget, 0);
    expect(takeAll(budget, 3_600_000)).toBe(100);
  });
});
