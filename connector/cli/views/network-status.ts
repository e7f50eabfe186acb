/** The status of a network, for people. */
import type { NetworkStatus } from "../../../protocol/api/status.ts";
import type { Finding } from "../../../protocol/diagnosis/finding.ts";
import { isolatedSites } from "../../../protocol/diagnosis/reach.ts";
import type { Printer } from "../framework/printer.ts";
import { count, names } from "./count.ts";
import { printFindings } from "./findings.ts";
import { printNetworkLinks } from "./network-links.ts";
import { printServices } from "./services.ts";
import { printSites, siteState } from "./sites.ts";

/** Describes a network in two sentences. */
export function networkSentence({ network, sites, services }: NetworkStatus): string {
  const members = sites.filter(({ state }) => state !== "revoked");
  const up = members.filter(({ state }) => state === "up").length;
  const all = members.length > 0 && up === members.length ? "all" : String(up);
  const stopped = members.filter((site) => siteState(site) === "stopped").length;
  const rest = stopped === 0 ? "" : ` and ${stopped} stopped`;
  const which = members.length === 0 ? "" : `, ${all} of them up${rest}`;
  return `Network "${network.name}" has ${count(members.length, "site")}${which}. It has ${count(services.length, "service")}.`;
}

/** Names the sites that no link connects with another site; empty while there are none. */
export function isolationSentences(status: NetworkStatus): string[] {
  const isolated = isolatedSites(status);
  if (isolated.length === 0) return [];
  const members = status.sites.filter(({ state }) => state === "up" || state === "down").length;
  const who =
    isolated.length === members
      ? `None of the ${members} sites reaches another: no link connects them.`
      : `${isolated.length === 1 ? "Site" : "Sites"} ${names(isolated)} ${isolated.length === 1 ? "reaches" : "reach"} no other site: no link leads there.`;
  return [
    `${who} To link a site: \`fairlead token create -o token.yaml\`, then \`fairlead link create token.yaml\` at the site.`,
  ];
}

/** Reports unauthenticated clients that fill the edge; empty while there are none. */
export function edgeSentences({ edge }: NetworkStatus): string[] {
  if (edge === undefined) return [];
  const { shed, failedAccepts } = edge.strangers;
  const sentences: string[] = [];
  if (shed + failedAccepts > 0) {
    const refused = failedAccepts === 0 ? "" : `, ${failedAccepts} not accepted`;
    sentences.push(
      `Unauthenticated clients at the edge: ${count(shed, "connection")} shed${refused} since it started.`,
    );
  }
  if (edge.lanes === "withdrawn") {
    sentences.push(
      "Unauthenticated clients fill the port of the lanes; for a time lanes take the gateway's port, which costs more.",
    );
  }
  return sentences;
}

/** What a status shows besides the network itself. */
export interface StatusExtras {
  readonly found: readonly Finding[];
  /** Where people open the console; null where there is none. */
  readonly url: string | null;
  /** Ms since 1970. */
  readonly now: number;
}

/** Prints a network: its sentences, its console, its problems, and its sites, links and services as tables. */
export function printNetworkStatus(
  out: Printer,
  status: NetworkStatus,
  { found, url, now }: StatusExtras,
): void {
  out.line(networkSentence(status));
  for (const sentence of edgeSentences(status)) out.line(out.paint("yellow", sentence));
  if (url !== null) out.line(`The console is at ${url}`);
  if (status.sites.length === 0) {
    out.line("`fairlead token create -o token.yaml` invites a site.");
    return;
  }
  for (const sentence of isolationSentences(status)) out.line(out.paint("yellow", sentence));
  // Stopped and outdated sites show in the tables; sentences have the sites without links, and the edge.
  const problems = found.filter(
    ({ severity, code }) => severity !== "notice" && code !== "site.unlinked" && code !== "edge.crowded",
  );
  printFindings(out, problems, now);
  out.line();
  printSites(out, status.sites, now);
  if (status.links.length > 0) {
    out.line();
    printNetworkLinks(out, status.links, now);
  }
  if (status.services.length === 0) return;
  out.line();
  printServices(out, status.services);
}
