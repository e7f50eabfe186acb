/** The sites of a network, for people. */
import type { Site } from "../../../protocol/api/sites.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";

/** Prints sites as a table. */
export function printSites(out: Printer, sites: readonly Site[], now: number): void {
  out.table(
    ["NAME", "STATE", "SINCE", "CONNECTORS", "OFFERS"],
    sites.map((site) => [
      site.name,
      out.state(site.state),
      relativeTime(site.since, now),
      String(site.instances.length),
      site.services.join(", ") || "-",
    ]),
  );
}
