/** The figures of the scale measure beside their targets. */

import { number, type Table } from "../report/rows.ts";
import { markdown, plain } from "../report/text.ts";
import type { Cost, ScaleResult } from "./scale.ts";

/** A figure and its bound. */
interface Row {
  readonly title: string;
  readonly value: number;
  readonly unit: string;
  /** Bound, or null for none. */
  readonly target: number | null;
  readonly detail: string;
}

/** Targets at 1,000 sites. CPU time is of all processes of the edge, ms. */
export const SCALE_TARGETS = { join: 10, returning: 10, session: 3, seenP99: 250 } as const;

const all = ({ front, workerd }: Cost): number => front + workerd;

function rowsOf(result: ScaleResult): Row[] {
  const cost = (title: string, of: Cost, target: number | null): Row => ({
    title,
    value: all(of),
    unit: "ms of CPU",
    target,
    detail: `front ${number(of.front)}, workerd ${number(of.workerd)}`,
  });
  const { seen } = result;
  return [
    cost("a site joins", result.join, SCALE_TARGETS.join),
    cost("its first uplink", result.first, null),
    cost("an uplink returns", result.returning, SCALE_TARGETS.returning),
    cost("an uplink is lost", result.lost, null),
    cost("a session is granted", result.session, SCALE_TARGETS.session),
    cost("a new service is announced to all", result.appearance, null),
    { title: "a new service is seen: p50", value: seen.p50, unit: "ms", target: null, detail: "" },
    {
      title: "a new service is seen: p99",
      value: seen.p99,
      unit: "ms",
      target: SCALE_TARGETS.seenP99,
      detail: "",
    },
  ];
}

export function scaleTable(result: ScaleResult): Table {
  return {
    heading: [`${result.sites.toLocaleString("en-US")} sites`, "", "", "target", "verdict", "each"],
    rows: rowsOf(result).map(({ title, value, unit, target, detail }) => [
      title,
      number(value),
      unit,
      target === null ? "" : `≤ ${target}`,
      target === null ? "" : value <= target ? "reached" : "MISSED",
      detail,
    ]),
  };
}

/** Formats the table for the terminal. */
export function scaleReport(result: ScaleResult): string {
  const { machine } = result;
  return [
    plain(scaleTable(result)),
    `${machine.cores} cores, ${machine.cpu}; the edge and all sites on this machine. CPU time is the edge's alone.`,
  ].join("\n\n");
}

/** Formats the table as Markdown. */
export function scaleText(result: ScaleResult): string {
  const { machine, started } = result;
  return [
    `Measured on ${started.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, Node ${machine.node}.`,
    markdown(scaleTable(result)),
  ].join("\n\n");
}
