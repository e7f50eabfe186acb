/** Links as those see them that they connect, and what is told of them when they change. */
import type { IncomingLink, LinkReport } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import { type Ends, reportOf, type Standing, sameStanding, standingOf } from "../policy/link-status.ts";
import { withinBounds } from "../policy/message-limits.ts";
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
  ends: Ends = new Presence(context),
): { links: LinkReport[]; incoming: IncomingLink[]; moreIncoming?: number } {
  const { links } = context.store;
  const own = links
    .of(site)
    .map((row) => ({ ...reportOf(row, standingOf(row, ends)), issuer: issuerName(context, row.issuer) }));
  const others = links
    .from(site)
    .map((row) => ({ ...reportOf(row, standingOf(row, ends)), joiner: nameOf(context, row.joiner) }));
  return { links: own, ...withinBounds(others) };
}

/** Links and how they stood at some moment, by id. */
export type Standings = ReadonlyMap<string, { readonly link: LinkRow; readonly standing: Standing }>;

/** How the links that begin or end at some sites stand. */
export function standingsOf(
  context: Context,
  sites: Iterable<string>,
  ends: Ends = new Presence(context),
): Standings {
  const { links } = context.store;
  const found = [...sites].flatMap((site) => [...links.of(site), ...links.from(site)]);
  return new Map(found.map((link) => [link.id, { link, standing: standingOf(link, ends) }]));
}

/**
 * Notes links that came up or went down, and such as stay down because their certificates are not good.
 * @param ownerOf the site that made a link do so, if one did
 */
export function noteLinks(
  context: Context,
  before: Standings,
  after: Standings,
  ownerOf: (link: LinkRow) => string | undefined,
): void {
  for (const [id, { link }] of new Map([...before, ...after])) {
    const was = before.get(id)?.standing;
    const is = after.get(id)?.standing;
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

/** Tells the sites at both ends of the links that stand otherwise than before. */
export function announceStandings(
  context: Context,
  before: Standings,
  after: Standings,
  except?: Uplink,
): void {
  const sites = new Set<string>();
  for (const [id, { link }] of [...before, ...after]) {
    if (sameStanding(before.get(id)?.standing, after.get(id)?.standing)) continue;
    sites.add(link.joiner);
    if (link.issuer !== NETWORK_NODE) sites.add(link.issuer);
  }
  announceLinks(context, sites, except);
}

/** Tells sites how their links stand: after one was made, renamed, revoked or deleted, or its end was. */
export function announceLinks(context: Context, sites: Iterable<string>, except?: Uplink): void {
  for (const site of new Set(sites)) {
    if (site === NETWORK_NODE) continue;
    context.notices.due(site, () => {
      const to = context.uplinks
        .ofSite(site)
        .filter(({ attachment, socket }) => attachment.software !== null && socket !== except?.socket);
      if (to.length === 0) return 0;
      const told = linksOf(context, site);
      for (const uplink of to) context.uplinks.send(uplink, { type: "links", ...told });
      return told.links.length + told.incoming.length;
    });
  }
}
