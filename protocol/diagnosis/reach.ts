/** Which sites of a network reach each other over its links. */
import type { NetworkStatus } from "../api/status.ts";

type Ends = Pick<NetworkStatus["links"][number], "joiner" | "issuer" | "code">;

/** The part of a network's status that decides who reaches whom. */
export interface LinkedSites {
  readonly sites: readonly Pick<NetworkStatus["sites"][number], "name" | "state">[];
  readonly links: readonly Ends[];
}

/**
 * The members that reach no other member, in the order of `sites`; empty with fewer than two members. A link counts
 * while it is down, because it comes back. A revoked link does not count.
 */
export function isolatedSites({ sites, links }: LinkedSites): string[] {
  const members = sites.filter(({ state }) => state === "up" || state === "down").map(({ name }) => name);
  if (members.length < 2) return [];
  const groupOf = reachOf(links);
  const sizes = new Map<string, number>();
  for (const name of members) sizes.set(groupOf(name), (sizes.get(groupOf(name)) ?? 0) + 1);
  return members.filter((name) => sizes.get(groupOf(name)) === 1);
}

/** Maps each site, by name, to one name for the sites that reach each other. */
export const reachOf = (links: readonly Ends[]): ((site: string) => string) =>
  groups(links.filter(({ code }) => code !== "link.revoked"));

/** Maps each end of a link to one name for its connected group. */
function groups(links: readonly Ends[]): (end: string) => string {
  const parents = new Map<string, string>();
  const find = (end: string): string => {
    const parent = parents.get(end);
    return parent === undefined ? end : find(parent);
  };
  for (const { joiner, issuer } of links) {
    const [from, to] = [find(joiner), find(issuer)];
    if (from !== to) parents.set(from, to);
  }
  return find;
}
