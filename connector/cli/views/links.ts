/** The links of a site, for people. */
import type { LinkLine, Links } from "../../control/schema.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { milliseconds } from "./milliseconds.ts";

/** Prints the links that this site created and the links of other sites to it, in a sentence each. */
export function printLinks(out: Printer, { links, incoming, moreIncoming }: Links, now: number): void {
  if (links.length + incoming.length === 0) {
    out.line("There are no links configured or connected.");
    return;
  }
  out.line("Links created from this site:");
  if (links.length === 0) out.line("  There are none.");
  for (const link of links) {
    out.line(`  Link ${link.name} to ${link.issuer} is ${stateOf(out, link, now)}.`);
    printAction(out, link);
  }
  if (incoming.length === 0) return;
  out.line("Links from other sites:");
  for (const link of incoming) {
    const subject =
      link.state === "up" ? `A link from site ${link.joiner}` : `The link from site ${link.joiner}`;
    const to = link.state === "up" ? " to this site" : "";
    out.line(`  ${subject} (${link.name}) is ${stateOf(out, link, now, to)}.`);
    printAction(out, link);
  }
  if (moreIncoming !== undefined) {
    out.line(
      `  There are ${moreIncoming} more: \`fairlead status\` at a machine with a login shows all of them.`,
    );
  }
}

/** `connected, cost 2, since 3m ago, round trip 12 ms`. */
function stateOf(out: Printer, link: Omit<LinkLine, "issuer">, now: number, to = ""): string {
  const { state, code, cost, since, rtt } = link;
  const why = code === undefined ? "" : ` (${code})`;
  const word =
    state === "up" ? out.paint("green", `connected${to}`) : out.paint("red", `not connected${to}${why}`);
  const more = [
    ...(cost === undefined ? [] : [`cost ${cost}`]),
    ...(since === undefined ? [] : [`since ${relativeTime(since, now)}`]),
    ...(rtt === null ? [] : [`round trip ${milliseconds(rtt)}`]),
  ];
  return more.length === 0 ? word : `${word}, ${more.join(", ")}`;
}

function printAction(out: Printer, { state, code, action }: Omit<LinkLine, "issuer">): void {
  // The caller reports a lost uplink once, for all links.
  if (state === "up" || action === undefined || code === "uplink.lost") return;
  out.line(`    do: ${action}`);
}
