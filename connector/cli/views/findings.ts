/** What is broken in a network, for people. */
import type { Finding } from "../../../protocol/diagnosis/finding.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";

/** Most findings that a status prints in full. */
const MOST = 20;

const COLOURS = { broken: "red", degraded: "yellow", notice: "dim" } as const;

/** Prints findings, worst first: what is wrong, since when, what to do and which command does it. */
export function printFindings(out: Printer, found: readonly Finding[], now: number): void {
  for (const finding of found.slice(0, MOST)) {
    const { severity, title, detail, code, since, action, command, at } = finding;
    const when = since === null ? "" : `, since ${relativeTime(since, now)}`;
    out.line();
    out.line(`${out.paint(COLOURS[severity], severity)}: ${title.replace(/\.$/, "")}${when} (${code}).`, 2);
    out.line(`  ${detail}`);
    out.line(`  do: ${action}`);
    if (command !== undefined) out.line(`  run${at === undefined ? "" : ` at site ${at}`}: \`${command}\``);
  }
  if (found.length > MOST) {
    out.line();
    out.line(`There are ${found.length - MOST} more problems: \`fairlead status --json\` lists all of them.`);
  }
}
