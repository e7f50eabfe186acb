/** The cheapest path between two sites over the links of a network. */
import type { Link } from "../api/links.ts";

/** The issuer that stands for the network itself: all who joined with its tokens are connected. */
const NETWORK = "network";

/** A part of a path: a link, and the end that it leads to. */
export interface Hop {
  readonly link: Link;
  /** The name of a site, or "network". */
  readonly to: string;
}

/** A path, with the sum of the costs of its links. */
export interface LinkPath {
  readonly hops: readonly Hop[];
  readonly cost: number;
}

/**
 * The cheapest paths from a site to every other end of links, by name. A link counts while it is down, because what
 * two sites may do follows from links that are not revoked. Of equal paths, the first by the order of `links` counts.
 */
export function pathsFrom(site: string, links: readonly Link[]): ReadonlyMap<string, LinkPath> {
  const linksOf = new Map<string, Hop[]>();
  const add = (from: string, to: string, link: Link) => {
    const known = linksOf.get(from);
    if (known === undefined) linksOf.set(from, [{ link, to }]);
    else known.push({ link, to });
  };
  for (const link of links) {
    if (link.code === "link.revoked") continue;
    add(link.joiner, link.issuer, link);
    add(link.issuer, link.joiner, link);
  }
  const best = new Map<string, LinkPath>([[site, { hops: [], cost: 0 }]]);
  const open = new Set([site]);
  const paths = new Map<string, LinkPath>();
  while (open.size > 0) {
    const at = cheapest(open, best);
    open.delete(at);
    const path = best.get(at);
    if (path === undefined || paths.has(at)) continue;
    paths.set(at, path);
    for (const hop of linksOf.get(at) ?? []) {
      const cost = path.cost + hop.link.cost;
      if (paths.has(hop.to) || cost >= (best.get(hop.to)?.cost ?? Number.POSITIVE_INFINITY)) continue;
      best.set(hop.to, { hops: [...path.hops, hop], cost });
      open.add(hop.to);
    }
  }
  return paths;
}

/** The open end with the cheapest path. */
function cheapest(open: ReadonlySet<string>, best: ReadonlyMap<string, LinkPath>): string {
  let found = "";
  let least = Number.POSITIVE_INFINITY;
  for (const end of open) {
    const { cost } = best.get(end) ?? { cost: Number.POSITIVE_INFINITY };
    if (cost >= least) continue;
    found = end;
    least = cost;
  }
  return found;
}

/** `west – link1 – network – link2 – east` in words: the ends of a path, in order. */
export function endsOf(site: string, { hops }: LinkPath): string[] {
  return [site, ...hops.map(({ to }) => to)];
}

/** The path in a sentence's part: `over link west (cost 1) and link east (cost 1)`. */
export function pathText({ hops }: LinkPath): string {
  const links = hops.map(
    ({ link, to }) => `${link.name}${to === NETWORK ? "" : ` to ${to}`} (cost ${link.cost})`,
  );
  return links.join(", ");
}
