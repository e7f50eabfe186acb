/** Writes the table of docs/cost.md from the model of `fairlead cost`: `npm run docs`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bill, estimate } from "../connector/operator/cost/estimate.ts";
import { dollars, percent } from "../connector/operator/cost/format.ts";
import { ITEMS, type ItemName, READ_ON } from "../connector/operator/cost/prices.ts";
import { DEFAULT_WORKLOAD, pairsOf } from "../connector/operator/cost/workload.ts";
import { replaceSection } from "./section.ts";

/** Sites, and how many of their pairs are open all day. */
const CASES: readonly (readonly [sites: number, openPairs: number | "all"])[] = [
  ...([
    [2, 0],
    [2, "all"],
  ] as const),
  ...([
    [10, 0],
    [10, 5],
    [10, "all"],
  ] as const),
  ...([
    [100, 0],
    [100, 50],
    [100, "all"],
  ] as const),
];

const HEADING = [
  ...["sites", "pairs always open", "Worker requests", "object requests", "GB-s"],
  ...["rows read", "rows written", "free plan", "nearest limit", "Workers Paid", "dearest reading"],
];

/** The table, as Markdown: amounts of a month. */
export function costTable(): string {
  const rows = CASES.map(([sites, open]) => {
    const pairs = pairsOf(sites);
    const openPairs = open === "all" ? pairs : open;
    const { documented, dearest } = estimate({ ...DEFAULT_WORKLOAD, sites, openPairs });
    const { item, share } = documented.nearest;
    return [
      String(sites),
      openPairs === 0
        ? "none: idle"
        : `${openPairs.toLocaleString("en-US")} of ${pairs.toLocaleString("en-US")}`,
      ...(["workerRequests", "objectRequests", "duration", "rowsRead", "rowsWritten"] as const).map((name) =>
        rounded(documented, name),
      ),
      freePlan(documented, dearest),
      `${ITEMS[item].title.toLowerCase()}: ${percent(share)}`,
      dollars(documented.paid),
      dollars(dearest.paid),
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = HEADING.map((_, at) => (at === 1 || at === 7 || at === 8 ? "---" : "---:"));
  return [
    `With the prices of ${READ_ON}, in amounts and dollars of a month:`,
    "",
    line(HEADING),
    line(rule),
    ...rows.map(line),
  ].join("\n");
}

/** Three digits: more would say more than is known. */
function rounded({ amounts }: Bill, name: ItemName): string {
  const monthly = amounts.find(({ item }) => item === name)?.monthly ?? 0;
  return Number(monthly.toPrecision(3)).toLocaleString("en-US");
}

function freePlan(documented: Bill, dearest: Bill): string {
  if (!documented.free) return "no";
  return dearest.free ? "yes" : "by the documented reading only";
}

/** The page with the table in its place. @throws Error when the marks of the table are missing */
export const withCosts = (page: string) => replaceSection(page, "costs", costTable());

if (import.meta.main) {
  const file = join(import.meta.dirname, "../docs/cost.md");
  await writeFile(file, withCosts(await readFile(file, "utf8")));
}
