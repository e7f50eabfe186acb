/** How links stand, told from who is there. Pure. */
import { NETWORK_NODE } from "./link-graph.ts";

/** What is stored of a link that its status depends on. Times are ms. */
export interface LinkFacts {
  readonly id: string;
  readonly joiner: string;
  readonly issuer: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** What is known of the sites that links connect. */
export interface SitePresence {
  /** Whether the site has an uplink. */
  up(site: string): boolean;
  /** Whether the site was revoked, and so never has one again. */
  revoked(site: string): boolean;
  /** Since when it has, or has none. */
  since(site: string): number;
  /** Why the joiner's uplinks do not prove the link; null when one does. */
  proofError(link: Pick<LinkFacts, "id" | "joiner">): string | null;
  /** The site's round trip to the edge, ms; null while it is not known. */
  rtt(site: string): number | null;
}

export interface LinkStatus {
  readonly state: "up" | "down";
  /** Why it is down. */
  readonly code?: string;
  /** When it took this state, ms. */
  readonly since: number;
  /** Round trip between its presence, ms; null when it is down, or while it is not known. */
  readonly rtt: number | null;
}

/**
 * A link is up while the uplinks of both its presence are up and its certificate is good; one that was revoked never is.
 * It went down with the first of its presence that did.
 */
export function linkStatusOf(link: LinkFacts, presence: SitePresence): LinkStatus {
  if (link.revokedAt !== null) {
    return { state: "down", code: "link.revoked", since: link.revokedAt, rtt: null };
  }
  const sites = link.issuer === NETWORK_NODE ? [link.joiner] : [link.joiner, link.issuer];
  const away = sites.filter((site) => !presence.up(site));
  if (away.length > 0) {
    const since = Math.max(link.createdAt, Math.min(...away.map((site) => presence.since(site))));
    const lost = presence.revoked(link.joiner) ? "site.revoked" : "uplink.lost";
    const code = away[0] === link.joiner ? lost : "session.peer_offline";
    return { state: "down", code, since, rtt: null };
  }
  const since = Math.max(link.createdAt, ...sites.map((site) => presence.since(site)));
  const proofError = presence.proofError(link);
  if (proofError !== null) return { state: "down", code: proofError, since, rtt: null };
  const times = sites.map((site) => presence.rtt(site));
  const rtt = times.reduce<number | null>(
    (sum, time) => (sum === null || time === null ? null : sum + time),
    0,
  );
  return { state: "up", since, rtt };
}

/** Whether two statuses are told alike; round trips change all the time and do not count. */
export function isSameStatus(left: LinkStatus | undefined, right: LinkStatus | undefined): boolean {
  return left?.state === right?.state && left?.code === right?.code && left?.since === right?.since;
}

/** What is told of a link to either of its presence. */
export function toLinkReport(
  link: LinkFacts & { readonly name: string; readonly cost: number },
  { state, code, since, rtt }: LinkStatus,
): { id: string; name: string; code?: string; cost: number } & Omit<LinkStatus, "code"> {
  const { id, name, cost } = link;
  return { id, name, state, ...(code === undefined ? {} : { code }), cost, since, rtt };
}
