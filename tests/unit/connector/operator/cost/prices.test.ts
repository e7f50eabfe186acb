import { describe, expect, it } from "vitest";
import {
  BASE_PRICE,
  DAYS,
  ITEM_NAMES,
  ITEMS,
  OBJECT_GB,
  priceOf,
  READ_ON,
  SOURCES,
} from "../../../../../connector/operator/cost/prices.ts";

describe("priceOf", () => {
  it("gives the totals of Cloudflare's own example of 15 million requests of 7 ms", () => {
    const requests = priceOf("workerRequests", 15_000_000);
    const cpu = priceOf("workerCpu", 15_000_000 * 7);
    expect([requests, cpu]).toEqual([1.5, 1.5]);
    expect(BASE_PRICE + requests + cpu).toBe(8);
  });

  it("charges nothing for what the paid plan includes, and each unit beyond it", () => {
    for (const name of ITEM_NAMES) expect(priceOf(name, ITEMS[name].included)).toBe(0);
    expect(priceOf("objectRequests", 3_000_000)).toBeCloseTo(0.3, 10);
    expect(priceOf("rowsWritten", 51_000_000)).toBe(1);
    expect(priceOf("rowsRead", 26_000_000_000)).toBeCloseTo(1, 10);
    expect(priceOf("stored", 15)).toBeCloseTo(2, 10);
  });

  it("bills an object that is awake for a month as 331,776 GB-s", () => {
    const month = DAYS * 86_400 * OBJECT_GB;
    expect(month).toBe(331_776);
    expect(priceOf("duration", 400_000 + month)).toBeCloseTo(4.1472, 10);
  });
});

describe("the prices", () => {
  it("say when and where they were read", () => {
    expect(READ_ON).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    for (const url of Object.values(SOURCES)) {
      expect(url).toMatch(/^https:\/\/developers\.cloudflare\.com\//);
    }
  });
});
