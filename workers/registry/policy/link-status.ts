/** How links stand, told from who is there. Pure. */
import { NETWORK_NODE } from "./link-graph.ts";

/** What is stored of a link that its standing depends on. Times are ms. */
export interface LinkFacts {
  readonly id: string;
  readonly joiner: string;
  readonly issuer: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** What is known of the sites that links connect. */
export interface Ends {
  /** Whether the site has an uplink. */
  up(site: string): boolean;
  /** Whether the site was revoked, and so never has one again. */
  revoked(site: string): boolean;
  /** Since when it has, or has none. */
  since(site: string): number;
  /** Why the joiner's uplinks do not prove the link; null when one does. */
  doubt(link: Pick<LinkFacts, "id" | "joiner">): string | null;
  /** The site's round trip to the edge, ms; null while it is not known. */
  rtt(site: string): number | null;
}

export interface Standing {
  readonly state: "up" | "down";
  /** Why it is down. */
  readonly code?: string;
  /** When it took this state, ms. */
  readonly since: number;
  /** Round trip between its ends, ms; null when it is down, or while it is not known. */
  readonly rtt: number | null;
}

/**
 * A link is up while the uplinks of both its ends are up and its certificate is good; one that was revoked never is.
 * It went down with the first of its ends that did.
 */
export function standingOf(link: LinkFacts, ends: Ends): Standing {
  if (link.revokedAt !== null) {
    return { state: "down", code: "link.revoked", since: link.revokedAt, rtt: null };
  }
  const sites = link.issuer === NETWORK_NODE ? [link.joiner] : [link.joiner, link.issuer];
  const away = sites.filter((site) => !ends.up(site));
  if (away.length > 0) {
    const since = Math.max(link.createdAt, Math.min(...away.map((site) => ends.since(site))));
    const lost = ends.revoked(link.joiner) ? "site.revoked" : "uplink.lost";
    const code = away[0] === link.joiner ? lost : "session.peer_offline";
    return { state: "down", code, since, rtt: null };
  }
  const since = Math.max(link.createdAt, ...sites.map((site) => ends.since(site)));
  const doubt = ends.doubt(link);
  if (doubt !== null) return { state: "down", code: doubt, since, rtt: null };
  const times = sites.map((site) => ends.rtt(site));
  const rtt = times.reduce<number | null>(
    (sum, time) => (sum === null || time === null ? null : sum + time),
    0,
  );
  return { state: "up", since, rtt };
}

/** Whether two standings are told alike; round trips change all the time and do not count. */
export function sameStanding(left: Standing | undefined, right: Standing | undefined): boolean {
  return left?.state === right?.state && left?.code === right?.code && left?.since === right?.since;
}

/** What is told of a link to either of its ends. */
export function reportOf(
  link: LinkFacts & { readonly name: string; readonly cost: number },
  { state, code, since, rtt }: Standing,
): { id: string; name: string; code?: string; cost: number } & Omit<Standing, "code"> {
  const { id, name, cost } = link;
  return { id, name, state, ...(code === undefined ? {} : { code }), cost, since, rtt };
}
