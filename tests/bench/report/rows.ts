/** The contents of the tables, apart from their format. */
import { barsFor, GOALS, type Goal, judge, type Verdict } from "../goals.ts";
import { figureOf, type Results, ratioOf } from "../results.ts";
import type { SystemId } from "../systems/system.ts";

export const SHORT: Readonly<Record<SystemId, string>> = {
  direct: "direct",
  fairlead: "Fairlead",
  other: "other build",
  hop: "hop only",
  nginx: "nginx",
  ssh: "OpenSSH",
};

const VERDICTS: Readonly<Record<Verdict, string>> = {
  goal: "goal reached",
  "at least": "at least reached",
  below: "BELOW",
};

/** A table: its heading, and rows as wide as the heading. */
export interface Table {
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Whether the terminal shows the first cell on a line of its own, above the rows that share it. */
  readonly grouped?: boolean;
}

/** Makes the table of figures, ratios and goals. */
export function figuresTable(results: Results): Table {
  const systems = results.systems.map(({ id }) => id);
  const references = referencesOf(results);
  const rows = results.measures.flatMap(({ id, title, metrics }) =>
    metrics.flatMap((metric) => {
      const shown = (system: SystemId) => {
        const value = figureOf(results, id, system, metric.key);
        return value === undefined ? "" : number(value / (metric.scale ?? 1));
      };
      if (systems.every((system) => shown(system) === "")) return [];
      const name = metric.title === "" ? title : `${title}: ${metric.title}`;
      const first = [name, ...systems.map(shown), metric.unit];
      const judged = (["fairlead", "hop"] as const).filter((system) => systems.includes(system));
      if (judged.length === 0) return [[...first, ...references.map(() => ""), "", "", ""]];
      return judged.flatMap((system, at) => {
        const goal = goalOf(id, metric.key, system);
        if (at > 0 && goal === undefined) return [];
        const lead = at === 0 ? first : [`  … ${SHORT[system]}`, ...systems.map(() => ""), ""];
        return [
          [
            ...lead,
            ...ratios(results, id, metric.key, system, references),
            ...goals(results, goal, metric.scale),
          ],
        ];
      });
    }),
  );
  return {
    heading: [
      "",
      ...systems.map((system) => SHORT[system]),
      "",
      ...references.map((system) => `÷ ${SHORT[system]}`),
      "at least",
      "goal",
      "verdict",
    ],
    rows,
  };
}

/** Systems to which Fairlead's ratios are made. */
function referencesOf({ systems }: Results): readonly SystemId[] {
  const other = systems.some(({ id }) => id === "other");
  return other ? ["direct", "nginx", "other"] : ["direct", "nginx"];
}

/** Lists the failures, one line each. */
export function failures(results: Results): string[] {
  return results.series.flatMap(({ measure, system, failures: all }) =>
    all.map(({ round, message }) => `${measure} on ${system}, round ${round + 1}: ${message}`),
  );
}

function goalOf(measure: string, metric: string, system: SystemId): Goal | undefined {
  return GOALS.find((goal) => goal.measure === measure && goal.metric === metric && goal.system === system);
}

function ratios(
  results: Results,
  measure: string,
  metric: string,
  system: SystemId,
  references: readonly SystemId[],
): string[] {
  return references.map((reference) => {
    const value = ratioOf(results, measure, system, reference, metric);
    return value === null ? "" : `${number(value)} ×`;
  });
}

function goals(results: Results, goal: Goal | undefined, scale = 1): [string, string, string] {
  if (goal === undefined) return ["", "", ""];
  const { measure, metric, system, of } = goal;
  if (of === "chain" && results.systems.every(({ id }) => id !== "nginx")) return ["", "", ""];
  const value =
    of === "chain"
      ? ratioOf(results, measure, system, "nginx", metric)
      : figureOf(results, measure, system, metric);
  const bar = (level: number) =>
    of === "chain" ? `${level} ×` : `${goal.better === "lower" ? "≤ " : ""}${number(level / scale)}`;
  const verdict =
    value === null || value === undefined ? "not measured" : VERDICTS[judge(goal, value, results.noise)];
  const bars = barsFor(goal, results.noise);
  return [bar(bars.atLeast), bar(bars.goal), verdict];
}

/** Formats a figure with three significant digits and separated thousands. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
