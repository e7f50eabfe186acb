import { describe, expect, it } from "vitest";
import type { CpuResult } from "../../../bench/cpu/cpu.ts";
import { cpuPathTable, cpuReport, cpuText } from "../../../bench/cpu/table.ts";

const RESULT: CpuResult = {
  started: "2026-11-26T02:00:00.000Z",
  machine: { cpu: "A CPU", cores: 2, kernel: "6.1", node: "24.0.0", tools: {} },
  rounds: 3,
  load: [1.25, 2],
  paths: [
    { title: "uplink opened", warm: 5, first: { median: 8, most: 20 } },
    { title: "message relayed", warm: 0.1, first: null },
  ],
};

describe("cpuPathTable", () => {
  it("gives each path as a share of the 10 ms of the free plan", () => {
    expect(cpuPathTable(RESULT).rows).toEqual([
      ["uplink opened", "5.00", "50.0 %", "80.0 %", "200 %"],
      ["message relayed", "0.100", "1.00 %", "", ""],
    ]);
  });
});

describe("cpuReport and cpuText", () => {
  it("say on what machine and under what load the paths were measured", () => {
    for (const text of [cpuReport(RESULT), cpuText(RESULT)]) {
      expect(text).toContain("2 cores (A CPU)");
      expect(text).toContain("load 1.3 at the start and 2.0 at the end");
    }
    expect(cpuText(RESULT)).toMatch(/^Measured on 2026-11-26 on 2 cores/);
  });
});
