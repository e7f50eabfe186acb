import { describe, expect, it } from "vitest";
import { costTable, withCosts } from "../../../scripts/cost.ts";

/** The cells of each row of the table. */
const rows = costTable()
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );

describe("costTable", () => {
  it("has 2, 10 and 100 sites: idle, with some pairs open, and with all pairs open", () => {
    expect(rows.map(([sites, pairs]) => `${sites}: ${pairs}`)).toEqual([
      ...["2: none: idle", "2: 1 of 1"],
      ...["10: none: idle", "10: 5 of 45", "10: 45 of 45"],
      ...["100: none: idle", "100: 50 of 4,950", "100: 4,950 of 4,950"],
    ]);
  });

  it("gives every idle network the free plan, and several open pairs none", () => {
    const plans = new Map(rows.map((row) => [`${row[0]}: ${row[1]}`, row[7]]));
    for (const sites of [2, 10, 100]) expect(plans.get(`${sites}: none: idle`)).toBe("yes");
    expect(plans.get("2: 1 of 1")).toBe("by the documented reading only");
    expect(plans.get("10: 5 of 45")).toBe("no");
  });

  it("has as many cells in each row", () => {
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([11]));
  });
});

describe("withCosts", () => {
  it("replaces the table between its marks", () => {
    const page = "before\n<!-- costs: written -->\nold\n<!-- end of costs -->\nafter\n";
    expect(withCosts(page)).toContain(costTable());
    expect(withCosts(page)).not.toContain("old");
  });
});
