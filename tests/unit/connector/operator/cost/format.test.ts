import { describe, expect, it } from "vitest";
import { amountCells, dollars, percent, quantity } from "../../../../../connector/operator/cost/format.ts";

describe("percent", () => {
  it.each([
    [0, "0 %"],
    [0.0001, "< 0.1 %"],
    [0.0123, "1.2 %"],
    [0.0996, "10 %"],
    [0.5, "50 %"],
    [42.5, "4,250 %"],
  ])("writes %d as %s", (share, text) => {
    expect(percent(share)).toBe(text);
  });
});

describe("dollars and quantity", () => {
  it("group thousands, and show the parts of small amounts alone", () => {
    expect([dollars(0), dollars(20_528.937)]).toEqual(["$0.00", "$20,528.94"]);
    expect([quantity(1234.5, "rows"), quantity(0.0076, "GB")]).toEqual(["1,235 rows", "0.008 GB"]);
  });
});

describe("amountCells", () => {
  it("leaves out the day of stored data, and the share where there is no limit", () => {
    const amount = { title: "T", unit: "u", daily: 1, monthly: 30, price: 0 } as const;
    expect(amountCells({ ...amount, item: "stored", freeShare: 0.1 })).toEqual([
      ...["T", "", "10 %", "30 u", "$0.00"],
    ]);
    expect(amountCells({ ...amount, item: "workerCpu", freeShare: null })).toEqual([
      ...["T", "1 u", "", "30 u", "$0.00"],
    ]);
  });
});
