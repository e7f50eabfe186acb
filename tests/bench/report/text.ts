/** Tables for the terminal and for a page of docs/. */
import type { Results } from "../results.ts";
import { failures, figuresTable, type Table } from "./rows.ts";
import { cpuTable, kernelTable } from "./usage-rows.ts";

const NUMERIC = /^(≤ )?-?[\d.,–]+( ×)?$/;

const NOISE = ", with a busy neighbour";

/** Formats all tables for the terminal. */
export function report(results: Results): string {
  const { machine, seconds, rounds, noise } = results;
  const absent = Object.entries(results.absent).map(([system, why]) => `not measured: ${system}: ${why}`);
  return [
    ...tables(results).map(plain),
    ...absent,
    ...failures(results).map((line) => `FAILED: ${line}`),
    `${machine.cores} cores, ${machine.cpu}, Node ${machine.node}${withTools(results)}; ${rounds} round${rounds === 1 ? "" : "s"} of ${seconds} s, interleaved; medians, ratios by round. Everything on loopback${noise ? NOISE : ""}.`,
    ...unbalanced(results),
  ].join("\n\n");
}

/** Names the programs, each after a comma. The bench's own clients stand in for those that are missing. */
function withTools({ machine }: Results): string {
  return Object.entries(machine.tools)
    .map(([name, version]) => `, ${name} ${version}`)
    .join("");
}

/** Makes all tables that have rows. */
function tables(results: Results): Table[] {
  const all = [figuresTable(results), cpuTable(results), kernelTable(results)];
  return all.filter(({ rows }) => rows.length > 0);
}

/** Says that the place in a round favours one of two builds. The first of a round is slower by some percent. */
function unbalanced({ systems, rounds }: Results): readonly string[] {
  const { length } = systems;
  if (rounds % length === 0 || systems.every(({ id }) => id !== "other")) return [];
  return [
    `Not each of the ${length} systems was the first equally often, which favours some: give a multiple of ${length} as --rounds.`,
  ];
}

/** Aligns the columns of a table, without empty columns. */
export function plain(table: Table): string {
  const { heading, rows } = table.grouped ? indented(table) : table;
  const used = heading.map((_, at) => rows.some((row) => (row[at] ?? "") !== ""));
  const lines = [heading, ...rows].map((row) => row.filter((_, at) => used[at]));
  // A title alone on its line may be wider than its column.
  const full = lines.filter(({ length }) => length === lines[0]?.length);
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...full.map((line) => (line[at] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          NUMERIC.test(cell) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Gives the first cell of rows that share it a line of its own, and indents their second cells below it. */
function indented({ heading, rows }: Table): Table {
  const titled = rows.flatMap(([title = "", second = "", ...rest], at) => {
    const row = [`  ${second}`, ...rest];
    return title === rows[at - 1]?.[0] ? [row] : [[title], row];
  });
  const [first = "", , ...others] = heading;
  return { heading: [first, ...others], rows: titled };
}

export function markdown({ heading, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = heading.map((_, at) => (rows.some((row) => NUMERIC.test(row[at] ?? "")) ? "---:" : "---"));
  return [line(heading), line(rule), ...rows.map(line)].join("\n");
}

/** Formats the tables as Markdown. */
export function benchText(results: Results): string {
  const { machine, rounds, seconds, started, noise } = results;
  return [
    `Measured on ${started.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, Node ${machine.node}${withTools(results)}; ${rounds} rounds of ${seconds} s${noise ? NOISE : ""}.`,
    ...tables(results).map(markdown),
  ].join("\n\n");
}

/** The name of a table in a page. */
type PageMark = "bench" | "noise" | "scale" | "cpu" | "layers";

/**
 * Replaces the text of a page between the marks `<!-- name -->` and `<!-- /name -->`.
 * @throws Error when the page has no such marks
 */
export function fillPage(page: string, name: PageMark, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The page has no ${begin} … ${end}.`);
  return `${page.slice(0, from)}${begin}\n${text}\n${page.slice(to)}`;
}
