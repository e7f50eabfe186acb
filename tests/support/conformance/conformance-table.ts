/** The table of the conformance tests: case, peers and result, as Markdown. */

export interface ConformanceRow {
  /** The unit that the case belongs to. */
  readonly group: string;
  readonly title: string;
  readonly peers: readonly string[];
  readonly state: "passed" | "failed" | "skipped" | "pending";
  /** Why the case was skipped. */
  readonly note?: string | undefined;
}

const BEGIN = "<!-- table -->";
const END = "<!-- end of table -->";

/** Writes the rows in the order of their groups. */
export function conformanceTable(rows: readonly ConformanceRow[]): string {
  const sorted = [...rows].sort((a, b) => a.group.localeCompare(b.group));
  const lines = sorted.map(({ group, title, peers, state, note }) => {
    const result = note === undefined ? state : `${state}: ${note}`;
    return `| ${[group, title, peers.join(", "), result].map(cell).join(" | ")} |`;
  });
  return ["| unit | case | peers | result |", "|---|---|---|---|", ...lines].join("\n");
}

/** Replaces the table of a page. @throws Error when the page has no place for it */
export function replaceTable(page: string, table: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`The page has no place between ${BEGIN} and ${END}.`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${table}\n\n${page.slice(to)}`;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
