/** The registry's state as the API and the connectors see it. What is up is told by live sockets. */
import type { Link, Network, NetworkStatus, Service, Site } from "../../protocol/api.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { LinkReport, SiteView } from "../../protocol/messages.ts";
import type { Context } from "./context.ts";
import { NETWORK_NODE, type OfferRow, visibleServices } from "./reachability.ts";
import type { LinkRow, SiteRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

/** Live uplinks by site. */
class Presence {
  readonly #bySite = new Map<string, Uplink[]>();

  constructor(context: Context) {
    const now = context.now();
    for (const uplink of context.uplinks.greeted()) {
      if (!context.uplinks.alive(uplink, now)) continue;
      const { site } = uplink.attachment;
      this.#bySite.set(site, [...(this.#bySite.get(site) ?? []), uplink]);
    }
  }

  of(site: string): readonly Uplink[] {
    return this.#bySite.get(site) ?? [];
  }

  state(site: string): "up" | "down" {
    return this.of(site).length > 0 ? "up" : "down";
  }
}

export function describeNetwork(context: Context): Network {
  const row = context.store.network.get();
  if (!row) throw new FairleadError("network.unknown");
  return { id: row.id, name: row.name, createdAt: iso(row.createdAt) };
}

function describeSite(
  context: Context,
  presence: Presence,
  row: SiteRow,
  offers: readonly OfferRow[] = context.store.offers.all(),
): Site {
  const { store } = context;
  const state = row.state === "revoked" ? "revoked" : presence.state(row.id);
  const own = offers.filter((offer) => offer.instance.site === row.id);
  const boots = new Set(presence.of(row.id).map(({ attachment }) => attachment.boot));
  return {
    id: row.id,
    name: row.name,
    state,
    since: iso(row.since),
    createdAt: iso(row.createdAt),
    certificateExpiresAt: iso(store.certificates.newestOf(row.id)?.notAfter ?? row.createdAt),
    instances: presence.of(row.id).map(({ attachment }) => ({
      boot: attachment.boot,
      since: iso(attachment.openedAt),
      software: attachment.software ?? "",
    })),
    services: [...new Set(own.map((offer) => offer.service))].sort(),
    listeners: [...boots].flatMap((boot) => store.listeners.of(boot)),
  };
}

/** A link is up while the uplinks of both its ends are up and its certificate is good. */
function linkState(presence: Presence, row: LinkRow): { state: "up" | "down"; code?: string } {
  const joiner = presence.of(row.joiner);
  if (joiner.length === 0) return { state: "down", code: "uplink.lost" };
  if (row.issuer !== NETWORK_NODE && presence.state(row.issuer) === "down") {
    return { state: "down", code: "session.peer_offline" };
  }
  const proven = joiner.some((uplink) => uplink.attachment.links.includes(row.id));
  return proven ? { state: "up" } : { state: "down", code: "certificate.required" };
}

/** How an issuer is called: "network", or the site's name. */
export function issuerName(context: Context, issuer: string): string {
  return issuer === NETWORK_NODE ? NETWORK_NODE : (context.store.sites.get(issuer)?.name ?? issuer);
}

function describeLink(context: Context, presence: Presence, row: LinkRow): Link {
  return {
    id: row.id,
    name: row.name,
    joiner: context.store.sites.get(row.joiner)?.name ?? row.joiner,
    issuer: issuerName(context, row.issuer),
    cost: row.cost,
    ...linkState(presence, row),
    createdAt: iso(row.createdAt),
  };
}

function describeServices(context: Context, presence: Presence): Service[] {
  const services = new Map<string, Service>();
  const offers = context.store.offers.all().sort((left, right) => left.since - right.since);
  for (const offer of offers) {
    let service = services.get(offer.service);
    if (!service) {
      service = { name: offer.service, protocol: offer.protocol, port: offer.port, sites: [] };
      services.set(offer.service, service);
    }
    const { siteName, site } = offer.instance;
    if (!service.sites.some((known) => known.name === siteName)) {
      service.sites.push({ name: siteName, state: presence.state(site) });
    }
  }
  return [...services.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

export function describeStatus(context: Context): NetworkStatus {
  const presence = new Presence(context);
  const offers = context.store.offers.all();
  return {
    network: describeNetwork(context),
    sites: context.store.sites.all().map((row) => describeSite(context, presence, row, offers)),
    links: context.store.links.all().map((row) => describeLink(context, presence, row)),
    services: describeServices(context, presence),
  };
}

/** @throws FairleadError `site.unknown` */
export function describeSiteNamed(context: Context, nameOrId: string): Site {
  return describeSite(context, new Presence(context), findSite(context, nameOrId));
}

/** @throws FairleadError `site.unknown` */
export function findSite(context: Context, nameOrId: string): SiteRow {
  const row = context.store.sites.named(nameOrId) ?? context.store.sites.get(nameOrId);
  if (!row) throw new FairleadError("site.unknown", `There is no site ${nameOrId} in the network.`);
  return row;
}

/** The links of a site that it joined by. */
export function linkReports(context: Context, site: string): LinkReport[] {
  const presence = new Presence(context);
  return context.store.links.of(site).map((row) => ({
    id: row.id,
    name: row.name,
    issuer: issuerName(context, row.issuer),
    ...linkState(presence, row),
  }));
}

/** The network as one of its sites may see it: only what it can reach. */
export function describeForSite(context: Context, site: string): SiteView {
  const presence = new Presence(context);
  const reachability = context.reachability();
  const network = describeNetwork(context);
  return {
    network: { id: network.id, name: network.name },
    sites: context.store.sites
      .all()
      .filter((row) => row.state !== "revoked" && reachability.canReach(site, row.id))
      .map((row) => ({ id: row.id, name: row.name, state: presence.state(row.id) })),
    services: visibleServices(site, context.store.offers.all(), reachability),
    links: linkReports(context, site),
  };
}
