/** Writes the table of decisions in docs/decisions/README.md from the files beside it: `npm run docs`. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceSection } from "./section.ts";

/** The head of a decision: number, file, title, date and area. */
export interface Decision {
  readonly number: string;
  readonly file: string;
  readonly title: string;
  readonly date: string;
  readonly area: string;
}

export const DECISIONS = join(import.meta.dirname, "../docs/decisions");

const FILE = /^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$/;
const HEAD = /^# (\d{4}): ([A-Z`].*[^.])\n\n- Date: (\d{4}-\d{2}-\d{2})\n- Area: ([a-z]+)\n/;
const SECTIONS = ["Context", "Decision", "Consequence"];
/** Sections that may follow. */
const FURTHER_SECTIONS = new Set(["Measured", "Considered"]);

/** Reads the head of a decision. @throws Error when the file has another form than docs/decisions/README.md asks for */
export function parseDecision(file: string, text: string): Decision {
  const [, number] = FILE.exec(file) ?? [];
  if (number === undefined) throw new Error(`The file ${file} is not named NNNN-title.md.`);
  const [, stated, title = "", date = "", area = ""] = HEAD.exec(text) ?? [];
  if (stated === undefined) throw new Error(`The file ${file} does not begin with a title, date and area.`);
  if (stated !== number) throw new Error(`The file ${file} has the number ${stated} in its title.`);
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
  if (SECTIONS.some((section, index) => sections[index] !== section))
    throw new Error(`The file ${file} does not have the sections ${SECTIONS.join(", ")}, in this order.`);
  const unknown = sections.slice(SECTIONS.length).find((name = "") => !FURTHER_SECTIONS.has(name));
  if (unknown !== undefined) throw new Error(`The file ${file} has an unknown section, ${unknown}.`);
  if (text.split(/^## .+$/m).some((body) => body.trim() === ""))
    throw new Error(`The file ${file} has an empty section.`);
  return { number, file, title, date, area };
}

/** Reads every decision of the folder, by number. @throws Error when a number is used twice */
export async function readDecisions(folder = DECISIONS): Promise<readonly Decision[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".md") && file !== "README.md").sort();
  const decisions = await Promise.all(
    files.map(async (file) => parseDecision(file, await readFile(join(folder, file), "utf8"))),
  );
  for (const [index, { number, file }] of decisions.entries())
    if (number === decisions[index - 1]?.number) throw new Error(`The number of ${file} is used twice.`);
  return decisions;
}

/** Makes the table of decisions as Markdown. */
export function decisionsTable(decisions: readonly Decision[]): string {
  const rows = decisions.map(
    ({ number, file, title, date, area }) => `| [${number}](${file}) | ${title} | ${area} | ${date} |`,
  );
  return ["| number | decision | area | date |", "|---|---|---|---|", ...rows].join("\n");
}

/** Puts the table into the index page. @throws Error when the marks of the table are missing */
export const withDecisions = (page: string, decisions: readonly Decision[]) =>
  replaceSection(page, "decisions", decisionsTable(decisions));

if (import.meta.main) {
  const file = join(DECISIONS, "README.md");
  await writeFile(file, withDecisions(await readFile(file, "utf8"), await readDecisions()));
}
