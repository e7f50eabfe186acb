/** The status of a network, for people. */
import type { NetworkStatus } from "../../../protocol/api/status.ts";
import { isolatedSites } from "../../../protocol/diagnosis/reach.ts";
import type { Printer } from "../framework/printer.ts";
import { count, names } from "./count.ts";
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

/** Prints a network: its sentences, its problems, and its sites and services as tables. */
export function printNetworkStatus(out: Printer, status: NetworkStatus, now: number): void {
  out.line(networkSentence(status));
  for (const sentence of edgeSentences(status)) out.line(out.paint("yellow", sentence));
  if (status.sites.length === 0) {
    out.line("`fairlead token create -o token.yaml` invites a site.");
    return;
  }
  for (const sentence of isolationSentences(status)) out.line(out.paint("yellow", sentence));
  for (const link of status.links.filter(({ state, code }) => state === "down" && code !== "site.stopped")) {
    const why = link.code === undefined ? "" : ` (${link.code})`;
    out.line(out.paint("yellow", `Link ${link.name} from ${link.joiner} to ${link.issuer} is down${why}.`));
  }
  for (const site of status.sites) {
    for (const each of site.listeners.filter(({ state }) => state === "failed")) {
      const why = each.message ?? each.code ?? "no reason given";
      out.line(
        out.paint("yellow", `Site ${site.name} cannot listen for ${each.service} at ${each.address}: ${why}`),
      );
    }
  }
  out.line();
  printSites(out, status.sites, now);
  if (status.services.length === 0) return;
  out.line();
  printServices(out, status.services);
}
