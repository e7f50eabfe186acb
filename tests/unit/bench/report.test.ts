import { describe, expect, test } from "vitest";
import { GOALS, type Goal, judge } from "../../bench/goals.ts";
import { MEASURES } from "../../bench/measures/all.ts";
import { chart } from "../../bench/report/chart.ts";
import { failures, figuresTable, number } from "../../bench/report/rows.ts";
import { benchText, fillPage, markdown, plain, report } from "../../bench/report/text.ts";
import { cpuTable, kernelTable } from "../../bench/report/usage-rows.ts";
import { figureOf, type Results, ratioOf, type Sample } from "../../bench/results.ts";
import type { SystemId } from "../../bench/systems/system.ts";
import type { Usage } from "../../bench/usage/usage.ts";

const [BULK] = MEASURES;
if (BULK === undefined) throw new Error("no measures");
const MEASURE = { id: BULK.id, title: BULK.title, metrics: BULK.metrics, work: "GB" as const };

const SYSTEMS: readonly SystemId[] = ["direct", "fairlead", "hop", "nginx"];

const usage = (user: number, turns: number | null): Usage => ({
  ...{ user, system: 0.5, voluntary: 12_345, involuntary: 0.25, turns },
});

function results(
  rates: Partial<Record<SystemId, readonly number[]>>,
  compared: readonly SystemId[] = SYSTEMS,
): Results {
  const samples = (system: SystemId): Sample[] =>
    (rates[system] ?? []).map((rate, round) => ({
      round,
      figures: { rate },
      usage: system === "direct" ? null : { west: usage(1 + round, 4.7), east: usage(2, null) },
    }));
  return {
    started: "2026-11-23T04:00:00.000Z",
    machine: { cpu: "A <fast> one", cores: 2, kernel: "6.1", node: "24.0.0", tools: { nginx: "1.22.1" } },
    seconds: 1,
    rounds: 3,
    noise: false,
    systems: compared.map((id) => ({ id, title: id })),
    absent: { ssh: "sshd is not installed" },
    measures: [MEASURE],
    series: compared.map((system) => ({
      measure: "bulk-1-down",
      system,
      samples: samples(system),
      failures: system === "hop" ? [{ round: 0, message: "it broke" }] : [],
      calls: system === "fairlead" ? { west: 21.2, east: 1000 } : null,
    })),
  };
}

const RATES = { direct: [20e9, 20e9, 20e9], fairlead: [2e9, 1e9, 3e9], nginx: [4e9, 1e9, 4e9] };

describe("results", () => {
  test("a figure is the median of its rounds", () => {
    expect(figureOf(results(RATES), "bulk-1-down", "fairlead", "rate")).toBe(2e9);
    expect(figureOf(results(RATES), "bulk-1-down", "hop", "rate")).toBeUndefined();
  });

  test("a ratio is the median of the rounds' ratios, not the ratio of the medians", () => {
    expect(ratioOf(results(RATES), "bulk-1-down", "fairlead", "nginx", "rate")).toBe(0.75);
  });

  test("a round that one of the two has not is left out", () => {
    const some = results({ ...RATES, nginx: [4e9] });
    expect(ratioOf(some, "bulk-1-down", "fairlead", "nginx", "rate")).toBe(0.5);
    expect(ratioOf(some, "bulk-1-down", "hop", "nginx", "rate")).toBeNull();
  });
});

describe("goals", () => {
  test("every goal is of a figure that is measured", () => {
    for (const { measure, metric, better, of } of GOALS) {
      const found = MEASURES.find(({ id }) => id === measure)?.metrics.find(({ key }) => key === metric);
      expect(found, `${measure} ${metric}`).toBeDefined();
      if (of === "figure") expect(found?.better).toBe(better);
    }
  });

  test("are judged from the better side", () => {
    const [goal] = GOALS;
    if (goal === undefined) throw new Error("no goals");
    const higher = { ...goal, bars: { atLeast: 0.5, goal: 1 }, noise: { atLeast: 0.4, goal: 0.9 } };
    const verdicts = (of: Goal, values: readonly number[], noise = false) =>
      values.map((value) => judge(of, value, noise));
    expect(verdicts(higher, [1, 0.5, 0.49])).toEqual(["goal", "at least", "below"]);
    expect(verdicts(higher, [0.9, 0.4, 0.39], true)).toEqual(["goal", "at least", "below"]);
    const lower = { ...goal, better: "lower" as const, bars: { atLeast: 10, goal: 3 } };
    expect(verdicts(lower, [3, 10, 10.1])).toEqual(["goal", "at least", "below"]);
  });
});

describe("tables", () => {
  test("have the figures, the ratios, what is asked and whether it is reached", () => {
    const { heading, rows } = figuresTable(results(RATES));
    expect(rows.every((row) => row.length === heading.length)).toBe(true);
    expect(rows[0]).toEqual([
      ...["bulk, 1 stream, server to client", "20.0", "2.00", "", "4.00", "Gb/s"],
      ...["0.100 ×", "0.750 ×", "0.65 ×", "1 ×", "at least reached"],
    ]);
    expect(rows[1]?.at(-1)).toBe("not measured");
  });

  test("give the ratios to another build's figures and CPU time when there is one", () => {
    const two = results({ fairlead: [2e9, 1e9, 3e9], other: [4e9, 1e9, 4e9] }, ["fairlead", "other"]);
    const { heading, rows } = figuresTable(two);
    expect(rows.every((row) => row.length === heading.length)).toBe(true);
    expect(rows[0]?.[heading.indexOf("÷ other build")]).toBe("0.750 ×");
    expect(cpuTable(two).rows.at(-1)).toEqual([
      ...["bulk, 1 stream, server to client", "÷ other build", "1.00", "×", "west 1.00, east 1.00"],
    ]);
  });

  test("have no goals of ratios to a chain that was not to be measured", () => {
    const { rows } = figuresTable(results({ fairlead: [2e9] }, ["fairlead"]));
    expect(rows[0]?.slice(-3)).toEqual(["", "", ""]);
  });

  test("show the CPU time of each process, outside and inside of the kernel", () => {
    const each = "west 2.00 + 0.500, east 2.00 + 0.500";
    expect(cpuTable(results(RATES)).rows).toEqual([
      ["bulk, 1 stream, server to client", "Fairlead", "5.00", "s/GB", each],
      ["bulk, 1 stream, server to client", "nginx", "5.00", "s/GB", each],
    ]);
    const requests = { ...results(RATES), measures: [{ ...MEASURE, work: "request" as const }] };
    expect(cpuTable(requests).rows[0]?.slice(2, 4)).toEqual(["5,000,000", "µs/request"]);
  });

  test("show the system calls, turns and context switches of each process", () => {
    expect(kernelTable(results(RATES)).rows[0]).toEqual([
      ...["bulk, 1 stream, server to client", "Fairlead", "GB"],
      ...["21.2/1.00k", "4.70/–", "12.3k/12.3k", "0.250/0.250"],
    ]);
    expect(kernelTable(results(RATES)).rows[1]?.[3]).toBe("");
  });

  test("say when one of two builds was the first more often", () => {
    const two = results({ fairlead: [2e9], other: [4e9] }, ["fairlead", "other"]);
    expect(report(two)).toContain("give a multiple of 2 as --rounds");
    expect(report({ ...two, rounds: 4 })).not.toContain("multiple");
  });

  test("say that a busy neighbour ran", () => {
    expect(report({ ...results(RATES), noise: true })).toContain("with a busy neighbour.");
    expect(benchText({ ...results(RATES), noise: true })).toContain(
      "3 rounds of 1 s, with a busy neighbour.",
    );
    expect(report(results(RATES))).not.toContain("neighbour");
  });

  test("are written without the columns that are empty, figures to the right", () => {
    const table = {
      heading: ["", "a", ""],
      rows: [
        ["x", "1.50", ""],
        ["long", "10.0", ""],
      ],
    };
    expect(plain(table)).toBe("      a\nx     1.50\nlong  10.0");
    expect(markdown(table)).toBe("|  | a |  |\n| --- | ---: | --- |\n| x | 1.50 |  |\n| long | 10.0 |  |");
  });

  test("have the first cell on its own line when rows share it", () => {
    const rows = [
      ["a long title", "x", "1"],
      ["a long title", "y", "20"],
      ["b", "x", "3"],
    ];
    const text = "name  n\na long title\n  x    1\n  y   20\nb\n  x    3";
    expect(plain({ heading: ["name", "", "n"], rows, grouped: true })).toBe(text);
  });

  test("failures are told with measure, system and round", () => {
    expect(failures(results(RATES))).toEqual(["bulk-1-down on hop, round 1: it broke"]);
  });

  test("numbers have three digits that say something", () => {
    expect([0.12345, 1.2345, 12.345, 123.45, 12345.6, Number.NaN].map(number)).toEqual([
      ...["0.123", "1.23", "12.3", "123", "12,346", "–"],
    ]);
  });

  test("replace what is between a page's marks and nothing else", () => {
    const page = "# Title\n<!-- bench -->\nold\n<!-- /bench -->\nrest\n";
    const filled = fillPage(page, "bench", benchText(results(RATES)));
    expect(filled).toMatch(
      /^# Title\n<!-- bench -->\nMeasured on 2026-11-23 .*nginx 1\.22\.1; 3 rounds of 1 s\./,
    );
    expect(filled).not.toContain("old");
    expect(filled.endsWith("<!-- /bench -->\nrest\n")).toBe(true);
    expect(fillPage(filled, "bench", benchText(results(RATES)))).toBe(filled);
    expect(() => fillPage("no marks", "bench", "")).toThrow("has no");
  });
});

test("the chart is well-formed, escapes what it shows and draws what was measured", () => {
  const svg = chart(results(RATES));
  expect(svg).toContain("A &lt;fast&gt; one");
  expect(svg.match(/<rect class="fairlead"/g)).toHaveLength(1);
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const open = svg.match(/<[a-z]+(?:\s[^>]*[^/])?>/g)?.length;
  expect(open).toBe(svg.match(/<\/[a-z]+>/g)?.length);
});
