/** The status of links, derived from the presence of sites. Pure. */
import { NETWORK_NODE } from "./link-graph.ts";

/** The stored facts of a link that its status depends on. Times are ms since 1970. */
export interface LinkFacts {
  readonly id: string;
  readonly joiner: string;
  readonly issuer: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** The presence of the sites at the ends of links. */
export interface SitePresence {
  /** Whether the site has an uplink. */
  up(site: string): boolean;
  /** Whether the site has no uplink because its last connector was stopped. */
  stopped(site: string): boolean;
  /** Whether the site was revoked. A revoked site never has an uplink again. */
  revoked(site: string): boolean;
  /** Since when the site has been up or down, ms since 1970. */
  since(site: string): number;
  /** Why no uplink of the joiner proves the link; null if one does. */
  proofError(link: Pick<LinkFacts, "id" | "joiner">): string | null;
  /** The site's round trip to the edge, ms; null if unknown. */
  rtt(site: string): number | null;
}

export interface LinkStatus {
  readonly state: "up" | "down";
  /** Why the link is down. */
  readonly code?: string;
  /** Since when the link has this state, ms since 1970. */
  readonly since: number;
  /** Round trip between the two ends, ms; null if the link is down or a round trip is unknown. */
  readonly rtt: number | null;
}

/**
 * Derives the status of a link. It is up while both ends have an uplink and its certificate is valid; a
 * revoked link is never up. It went down when its first end did.
 */
export function linkStatusOf(link: LinkFacts, presence: SitePresence): LinkStatus {
  if (link.revokedAt !== null) {
    return { state: "down", code: "link.revoked", since: link.revokedAt, rtt: null };
  }
  const sites = link.issuer === NETWORK_NODE ? [link.joiner] : [link.joiner, link.issuer];
  const away = sites.filter((site) => !presence.up(site));
  if (away.length > 0) {
    const since = Math.max(link.createdAt, Math.min(...away.map((site) => presence.since(site))));
    return { state: "down", code: codeOfAbsence(away[0] ?? "", link, presence), since, rtt: null };
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

/** Why the first end of a link has no uplink. */
function codeOfAbsence(site: string, { joiner }: LinkFacts, presence: SitePresence): string {
  if (presence.stopped(site)) return "site.stopped";
  if (site !== joiner) return "session.peer_offline";
  return presence.revoked(joiner) ? "site.revoked" : "uplink.lost";
}

/** Whether two statuses are reported alike. Round trips change constantly and are ignored. */
export function isSameStatus(left: LinkStatus | undefined, right: LinkStatus | undefined): boolean {
  return left?.state === right?.state && left?.code === right?.code && left?.since === right?.since;
}

/** The report of a link for either of its ends. */
export function toLinkReport(
  link: LinkFacts & { readonly name: string; readonly cost: number },
  { state, code, since, rtt }: LinkStatus,
): { id: string; name: string; code?: string; cost: number } & Omit<LinkStatus, "code"> {
  const { id, name, cost } = link;
  return { id, name, state, code, cost, since, rtt };
}
