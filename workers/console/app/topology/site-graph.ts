/** Sites of a network and the links between them, as the topology page draws them. */

import type { NetworkStatus } from "../../../../protocol/api/status.ts";
import { compareText } from "../../../../protocol/compare-text.ts";

/** The node of the edge, and the end of links that the network itself issued. */
export const EDGE = "edge";

/** The issuer of links that the network itself issued, as the API names it. */
const NETWORK_ISSUER = "network";

/** "silent" is a site that counts as up, though nothing was heard of it lately. */
export type NodeState = "new" | "up" | "silent" | "down";

export interface SiteNode {
  readonly id: string;
  readonly name: string;
  readonly state: NodeState;
  /** Whether the site is down because its connector was stopped. */
  readonly stopped: boolean;
  /** When the state began. Of a silent site, when it was last heard. */
  readonly since: string;
  readonly instances: number;
  readonly services: number;
  /** Name of the group in which the site is drawn where there are many. */
  readonly group: string;
}

export interface SiteLink {
  readonly id: string;
  readonly name: string;
  /** Ids of the two sites; {@link EDGE} for the network. */
  readonly joiner: string;
  readonly issuer: string;
  readonly state: "up" | "down";
  readonly code: string | undefined;
  readonly cost: number;
  /** Round trip, ms; null while it is not known. */
  readonly rtt: number | null;
  readonly since: string;
}

export interface SiteGraph {
  /** By group and name. */
  readonly sites: readonly SiteNode[];
  readonly links: readonly SiteLink[];
}

/** The least number of sites that form a group. */
const MIN_GROUP = 3;

/** The group of sites that belong to no other. */
export const OTHER_SITES = "other sites";

/**
 * The graph of a network. Revoked sites are not in it, and neither are links of which an end is missing.
 *
 * @param silent sites of which nothing was heard lately: when they were last heard, by their ids
 */
export function siteGraph(
  status: Pick<NetworkStatus, "sites" | "links">,
  silent: ReadonlyMap<string, string> = new Map(),
): SiteGraph {
  const members = status.sites.filter(({ state }) => state !== "revoked");
  const ids = new Map(members.map(({ name, id }) => [name, id]));
  const links = status.links.flatMap((link): SiteLink[] => {
    const joiner = ids.get(link.joiner);
    const issuer = ids.get(link.issuer) ?? (link.issuer === NETWORK_ISSUER ? EDGE : undefined);
    if (joiner === undefined || issuer === undefined || link.code === "link.revoked") return [];
    const { id, name, state, code, cost, rtt, since } = link;
    return [{ id, name, joiner, issuer, state, code, cost, rtt, since }];
  });
  const groups = groupsOf(members, links);
  const sites = members.map((site): SiteNode => {
    const state = site.state === "revoked" ? "down" : site.state;
    const heardAt = state === "up" ? silent.get(site.id) : undefined;
    return {
      id: site.id,
      name: site.name,
      state: heardAt === undefined ? state : "silent",
      stopped: site.stopped === true,
      since: heardAt ?? site.since,
      instances: site.instances.length,
      services: site.services.length,
      group: groups.get(site.id) ?? OTHER_SITES,
    };
  });
  sites.sort((a, b) => compareGroups(a.group, b.group) || compareText(a.name, b.name));
  links.sort((a, b) => compareText(a.id, b.id));
  return { sites, links };
}

/** Ascending, with {@link OTHER_SITES} at the end. */
export function compareGroups(a: string, b: string): number {
  if (a === b) return 0;
  if (a === OTHER_SITES) return 1;
  return b === OTHER_SITES ? -1 : compareText(a, b);
}

/**
 * Groups by the hub: the site that issued the links of at least {@link MIN_GROUP} others. Sites without a hub are grouped
 * by the first part of their name.
 */
function groupsOf(
  sites: readonly { readonly id: string; readonly name: string }[],
  links: readonly SiteLink[],
): ReadonlyMap<string, string> {
  const joiners = new Map<string, Set<string>>();
  for (const { joiner, issuer } of links) {
    if (issuer === EDGE) continue;
    const all = joiners.get(issuer) ?? new Set();
    joiners.set(issuer, all.add(joiner));
  }
  const hubs = sites
    .filter(({ id }) => (joiners.get(id)?.size ?? 0) >= MIN_GROUP)
    .sort((a, b) => compareText(a.name, b.name));
  const groups = new Map(hubs.map(({ id, name }) => [id, name]));
  for (const { id, name } of hubs) {
    for (const joiner of joiners.get(id) ?? []) if (!groups.has(joiner)) groups.set(joiner, name);
  }
  const rest = sites.filter(({ id }) => !groups.has(id));
  const sizes = new Map<string, number>();
  for (const { name } of rest) sizes.set(prefixOf(name), (sizes.get(prefixOf(name)) ?? 0) + 1);
  for (const { id, name } of rest) {
    const prefix = prefixOf(name);
    groups.set(id, (sizes.get(prefix) ?? 0) >= MIN_GROUP ? prefix : OTHER_SITES);
  }
  return groups;
}

/** `paris-shop-12` gives `paris`, `store12` gives `store`. */
export function prefixOf(name: string): string {
  const [first = name] = name.split(/[-_.]/, 1);
  return first.replace(/\d+$/, "") || first;
}

/** The links of a site. */
export function linksOf(graph: SiteGraph, site: string): readonly SiteLink[] {
  return graph.links.filter(({ joiner, issuer }) => joiner === site || issuer === site);
}
