import { describe, expect, it } from "vitest";
import type { Cost, ScaleResult } from "../../../bench/scale/scale.ts";
import { scaleReport, scaleTable, scaleText } from "../../../bench/scale/table.ts";

const cost = (front: number, workerd: number): Cost => ({ front, workerd, wall: 0 });

const RESULT: ScaleResult = {
  started: "2026-11-25T04:00:00.000Z",
  machine: { cpu: "A CPU", cores: 2, kernel: "6.1", node: "24.0.0", tools: {} },
  sites: 1000,
  join: cost(4, 6),
  first: cost(5, 5),
  returning: cost(5, 5.1),
  lost: cost(1, 1),
  session: cost(0.5, 1),
  appearance: cost(20, 30),
  seen: { p50: 100, p99: 251 },
};

describe("scaleTable", () => {
  it("adds the front and workerd, and judges the sum by its target", () => {
    const rows = new Map(scaleTable(RESULT).rows.map(([title, ...cells]) => [title, cells]));
    expect(rows.get("a site joins")).toEqual([
      "10.0",
      "ms of CPU",
      "≤ 10",
      "reached",
      "front 4.00, workerd 6.00",
    ]);
    expect(rows.get("an uplink returns")?.slice(0, 4)).toEqual(["10.1", "ms of CPU", "≤ 10", "MISSED"]);
    expect(rows.get("a session is granted")?.[3]).toBe("reached");
    expect(rows.get("a new service is seen: p99")?.slice(0, 4)).toEqual(["251", "ms", "≤ 250", "MISSED"]);
  });

  it("judges nothing that has no target", () => {
    const row = scaleTable(RESULT).rows.find(([title]) => title === "an uplink is lost");
    expect(row?.slice(3, 5)).toEqual(["", ""]);
  });
});

describe("scaleReport and scaleText", () => {
  it("say how many sites there were, and on what machine", () => {
    expect(scaleReport(RESULT)).toMatch(/^1,000 sites/);
    expect(scaleReport(RESULT)).toContain("2 cores, A CPU");
    expect(scaleText(RESULT)).toMatch(/^Measured on 2026-11-25 on 2 cores \(A CPU\)/);
    expect(scaleText(RESULT)).toContain("| an uplink returns | 10.1 | ms of CPU | ≤ 10 | MISSED |");
  });
});
