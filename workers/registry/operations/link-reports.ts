/** Link reports: the status of links for the sites at both ends, and announcements of changes. */

import type { IncomingLink, LinkReport } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import {
  isSameStatus,
  type LinkStatus,
  linkStatusOf,
  type SitePresence,
  toLinkReport,
} from "../policy/link-status.ts";
import { limitIncoming } from "../policy/message-limits.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import type { LinkRow } from "../store/store.ts";
import { Presence } from "./presence.ts";

/** The display name of an issuer: "network", or the site's name. */
export function issuerName(context: Context, issuer: string): string {
  return issuer === NETWORK_NODE ? NETWORK_NODE : nameOf(context, issuer);
}

const nameOf = (context: Context, site: string): string => context.store.sites.get(site)?.name ?? site;

/** The links of a site: outgoing ones that it joined by, and incoming ones that others joined by. */
export function linksOf(
  context: Context,
  site: string,
  presence: SitePresence = new Presence(context),
): { links: LinkReport[]; incoming: IncomingLink[]; moreIncoming?: number } {
  const { links } = context.store;
  const own = links.of(site).map((row) => ({
    ...toLinkReport(row, linkStatusOf(row, presence)),
    issuer: issuerName(context, row.issuer),
  }));
  const others = links.from(site).map((row) => ({
    ...toLinkReport(row, linkStatusOf(row, presence)),
    joiner: nameOf(context, row.joiner),
  }));
  return { links: own, ...limitIncoming(others) };
}

/** Links with their status at one moment, by link id. */
export type LinkStatuses = ReadonlyMap<string, { readonly link: LinkRow; readonly status: LinkStatus }>;

/** The status of all links of the given sites, outgoing and incoming. */
export function linkStatusesOf(
  context: Context,
  sites: Iterable<string>,
  presence: SitePresence = new Presence(context),
): LinkStatuses {
  const { links } = context.store;
  const found = [...sites].flatMap((site) => [...links.of(site), ...links.from(site)]);
  return new Map(found.map((link) => [link.id, { link, status: linkStatusOf(link, presence) }]));
}

/**
 * Records events for links that came up or went down. A link that stays down with a new certificate error
 * counts as well.
 * @param ownerOf the site that caused the change of a link, if any
 */
export function recordLinkEvents(
  context: Context,
  before: LinkStatuses,
  after: LinkStatuses,
  ownerOf: (link: LinkRow) => string | undefined,
): void {
  for (const [id, { link }] of new Map([...before, ...after])) {
    const previous = before.get(id)?.status;
    const current = after.get(id)?.status;
    const unproven = current?.code?.startsWith("certificate.") && previous?.code !== current.code;
    if ((current?.state ?? "down") === (previous?.state ?? "down") && !unproven) continue;
    const site = nameOf(context, link.joiner);
    const what = `Link ${link.name} of site ${site} to ${issuerName(context, link.issuer)}`;
    const facts = { site, owner: ownerOf(link) };
    if (current?.state === "up") context.event("link.up", `${what} is up.`, facts);
    else if (current) context.event("link.down", `${what} is down.`, { ...facts, code: current.code });
    else context.event("link.down", `${what} is down: it was deleted.`, facts);
  }
}

/** Sends link notices to the sites at both ends of links whose status changed. */
export function announceLinkStatuses(
  context: Context,
  before: LinkStatuses,
  after: LinkStatuses,
  except?: Uplink,
): void {
  const sites = new Set<string>();
  for (const [id, { link }] of [...before, ...after]) {
    if (isSameStatus(before.get(id)?.status, after.get(id)?.status)) continue;
    sites.add(link.joiner);
    if (link.issuer !== NETWORK_NODE) sites.add(link.issuer);
  }
  announceLinks(context, sites, except);
}

/** Sends link notices to sites, after a change of their links or of the sites at the other ends. */
export function announceLinks(context: Context, sites: Iterable<string>, except?: Uplink): void {
  for (const site of new Set(sites)) {
    if (site === NETWORK_NODE) continue;
    context.linkNotices.schedule(site, () => {
      const to = context.uplinks
        .ofSite(site)
        .filter(({ attachment, socket }) => isEstablished(attachment) && socket !== except?.socket);
      if (to.length === 0) return 0;
      const report = linksOf(context, site);
      for (const uplink of to) context.uplinks.send(uplink, { type: "links", ...report });
      return report.links.length + report.incoming.length;
    });
  }
}
