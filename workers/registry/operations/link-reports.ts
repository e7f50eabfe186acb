/** Links as those see them that they connect, and what is told of them when they change. */

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

/** How an issuer is called: "network", or the site's name. */
export function issuerName(context: Context, issuer: string): string {
  return issuer === NETWORK_NODE ? NETWORK_NODE : nameOf(context, issuer);
}

const nameOf = (context: Context, site: string): string => context.store.sites.get(site)?.name ?? site;

/** The links of a site: those that it joined by, and those that others joined by on its tokens. */
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

/** Links and how they stood at some moment, by id. */
export type LinkStatuses = ReadonlyMap<string, { readonly link: LinkRow; readonly status: LinkStatus }>;

/** How the links that begin or end at some sites stand. */
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
 * Notes links that came up or went down, and such as stay down because their certificates are not good.
 * @param ownerOf the site that made a link do so, if one did
 */
export function recordLinkEvents(
  context: Context,
  before: LinkStatuses,
  after: LinkStatuses,
  ownerOf: (link: LinkRow) => string | undefined,
): void {
  for (const [id, { link }] of new Map([...before, ...after])) {
    const was = before.get(id)?.status;
    const is = after.get(id)?.status;
    const unproven = is?.code?.startsWith("certificate.") && was?.code !== is.code;
    if ((is?.state ?? "down") === (was?.state ?? "down") && !unproven) continue;
    const site = nameOf(context, link.joiner);
    const what = `Link ${link.name} of site ${site} to ${issuerName(context, link.issuer)}`;
    const facts = { site, owner: ownerOf(link) };
    if (is?.state === "up") context.event("link.up", `${what} is up.`, facts);
    else if (is) context.event("link.down", `${what} is down.`, { ...facts, code: is.code });
    else context.event("link.down", `${what} is down: it is there no more.`, facts);
  }
}

/** Tells the sites at both presence of the links that stand otherwise than before. */
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

/** Tells sites how their links stand: after one was made, renamed, revoked or deleted, or its end was. */
export function announceLinks(context: Context, sites: Iterable<string>, except?: Uplink): void {
  for (const site of new Set(sites)) {
    if (site === NETWORK_NODE) continue;
    context.linkNotices.schedule(site, () => {
      const to = context.uplinks
        .ofSite(site)
        .filter(({ attachment, socket }) => isEstablished(attachment) && socket !== except?.socket);
      if (to.length === 0) return 0;
      const told = linksOf(context, site);
      for (const uplink of to) context.uplinks.send(uplink, { type: "links", ...told });
      return told.links.length + told.incoming.length;
    });
  }
}
