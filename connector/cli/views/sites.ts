/** The sites of a network, for people. */
import type { Site } from "../../../protocol/api/sites.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";

/** The word for the state of a site: a site that is down on purpose is stopped. */
export const siteState = ({ state, stopped }: Pick<Site, "state" | "stopped">): string =>
  stopped === true && state === "down" ? "stopped" : state;

/** Prints sites as a table. */
export function printSites(out: Printer, sites: readonly Site[], now: number): void {
  out.table(
    ["NAME", "STATE", "SINCE", "CONNECTORS", "OFFERS"],
    sites.map((site) => [
      site.name,
      out.state(siteState(site)),
      relativeTime(site.since, now),
      String(site.instances.length),
      site.services.join(", ") || "-",
    ]),
  );
}
