/** The links of a network, for people. */
import type { Link } from "../../../protocol/api/links.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";

/** Prints links as a table. */
export function printNetworkLinks(out: Printer, links: readonly Link[], now: number): void {
  out.table(
    ["LINK", "FROM", "TO", "COST", "STATE", "SINCE", "ROUND TRIP", "WHY"],
    links.map((link) => [
      link.name,
      link.joiner,
      link.issuer,
      String(link.cost),
      out.state(link.state),
      relativeTime(link.since, now),
      link.rtt === null ? "" : `${Math.round(link.rtt)} ms`,
      link.code ?? "",
    ]),
  );
}
