import { describe, expect, it } from "vitest";
import type { Direction, LayerResults, StackFigures } from "../../../bench/layers/figures.ts";
import {
  comparisonTable,
  costTable,
  layerReport,
  layerRows,
  layerText,
} from "../../../bench/layers/table.ts";

const direction = (median: number, p90 = median, waits = 0): Direction => ({ median, p90, waits });

function stack(
  name: string,
  [out, back]: [number, number],
  others: Partial<StackFigures> = {},
): StackFigures {
  return {
    stack: name,
    message: "request",
    isCold: false,
    out: direction(out),
    back: direction(back),
    both: direction(out + back, 2 * (out + back)),
    ...others,
  };
}

function results(figures: StackFigures[]): LayerResults {
  return {
    started: "2026-11-26T04:00:00.000Z",
    machine: { cpu: "A CPU", cores: 2, kernel: "6.1", node: "24.0.0", tools: {} },
    rounds: 5,
    figures,
  };
}

const RUN = results([
  stack("loop", [1, 2]),
  stack("local", [4, 7]),
  stack("relay", [3.5, 9], { both: direction(12.5, 40, 2) }),
  stack("outer-tls", [10, 20]),
  stack("one-tls", [6, 7]),
  stack("local", [40, 70], { isCold: true }),
]);

const costs = (run: LayerResults, isCold = false) =>
  new Map(layerRows(run, "request", isCold).map(({ title, cost }) => [title, cost]));

describe("layerRows", () => {
  it("subtracts the stack before from each stack", () => {
    expect(costs(RUN).get("local socket")).toMatchObject({ out: 3, back: 5, both: 8, p90: 22 });
    expect(costs(RUN).get("relay")).toMatchObject({ out: -0.5, back: 2, both: 1.5, p90: 40, waits: 2 });
  });

  it("subtracts the last stack that was measured where one is missing", () => {
    expect(costs(RUN).get("outer TLS and its socket")).toMatchObject({ both: 17.5 });
  });

  it("takes the bench's own cost from the whole path and from Node's floors", () => {
    expect(costs(RUN).get("all layers")).toMatchObject({ both: 27 });
    expect(costs(RUN).get("Node: socket, TLS, socket")).toMatchObject({ both: 10 });
  });

  it("keeps cold figures apart", () => {
    expect([...costs(RUN, true)].map(([title, { both }]) => [title, both])).toEqual([["local socket", 110]]);
  });
});

describe("costTable", () => {
  it("leaves cells empty that were not measured", () => {
    const row = costTable(RUN, "request").rows.find(([title]) => title === "relay");
    expect(row).toEqual(["relay", "-0.5", "2.0", "1.5", "40.0", "", "", "", "", "2"]);
  });
});

describe("comparisonTable", () => {
  it("shows an earlier run beside this one", () => {
    const { heading, rows } = comparisonTable(results([stack("loop", [5, 5]), stack("local", [9, 9])]), RUN);
    expect(heading.slice(0, 3)).toEqual(["µs", "request, warm, before", "request, warm, now"]);
    expect(rows[1]?.slice(0, 3)).toEqual(["local socket", "8.0", "8.0"]);
    expect(rows[2]?.slice(0, 3)).toEqual(["relay", "", "1.5"]);
  });
});

describe("layerReport and layerText", () => {
  it("say on what machine and when", () => {
    expect(layerReport(RUN)).toContain("2 cores (A CPU), Linux 6.1, Node 24.0.0; 5 rounds.");
    expect(layerText(null, RUN)).toMatch(/^Measured on 2026-11-26 on 2 cores \(A CPU\)/);
    expect(layerText(RUN, RUN)).toContain("before: on 2026-11-26.");
  });

  it("fits a terminal of 100 columns", () => {
    for (const line of layerReport(RUN).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});
