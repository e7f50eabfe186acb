/**
 * Descriptions of the registry's state for the API and for connectors. Live sockets decide which sites are
 * up.
 */
import type { Link } from "../../../protocol/api/links.ts";
import type { Network } from "../../../protocol/api/networks.ts";
import type { Service } from "../../../protocol/api/services.ts";
import type { Site } from "../../../protocol/api/sites.ts";
import type { NetworkStatus } from "../../../protocol/api/status.ts";
import { DEFAULT_BALANCE } from "../../../protocol/balance.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { nearName } from "../../../protocol/near-name.ts";
import type { ServicePort, SiteView } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { linkStatusOf, toLinkReport } from "../policy/link-status.ts";
import type { StoredOffer } from "../policy/offers.ts";
import type { LinkRow, SiteRow } from "../store/store.ts";
import { currentVisibility } from "./announcements.ts";
import { issuerName, linksOf } from "./link-reports.ts";
import { refusedOf } from "./offers.ts";
import { Presence } from "./presence.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

export function describeNetwork(context: Context): Network {
  const row = context.store.network.get();
  if (!row) throw new FairleadError("network.unknown");
  return { id: row.id, name: row.name, createdAt: iso(row.createdAt) };
}

export function describeSite(context: Context, presence: Presence, row: SiteRow): Site {
  const { store } = context;
  const certificate = store.certificates.newestOf(row.id);
  const offers = store.offers.snapshot().ofSite.get(row.id) ?? [];
  const own = offers.filter((offer) => offer.refused === null);
  const refused = refusedOf(context, offers);
  const boots = new Set(presence.of(row.id).map(({ attachment }) => attachment.boot));
  return {
    id: row.id,
    name: row.name,
    state: row.state === "revoked" || row.state === "new" ? row.state : presence.state(row.id),
    ...(presence.stopped(row.id) ? { stopped: true as const } : {}),
    since: iso(row.since),
    createdAt: iso(row.createdAt),
    certificateExpiresAt: certificate && iso(certificate.notAfter),
    mayOffer: row.mayOffer,
    instances: presence.of(row.id).map(({ attachment }) => ({
      boot: attachment.boot,
      since: iso(attachment.openedAt),
      software: attachment.software ?? "",
      rtt: attachment.rtt,
    })),
    services: [...new Set(own.map((offer) => offer.service))].sort(),
    ...(refused.length === 0 ? {} : { refused }),
    listeners: [...boots].flatMap((boot) =>
      store.listeners
        .of({ site: row.id, boot })
        .map(({ since, ...report }) => ({ ...report, ...(since === null ? {} : { since: iso(since) }) })),
    ),
  };
}

export function describeLink(
  context: Context,
  row: LinkRow,
  presence: Presence = new Presence(context),
): Link {
  const { since, rtt = null, ...report } = toLinkReport(row, linkStatusOf(row, presence));
  return {
    ...report,
    cost: row.cost,
    joiner: issuerName(context, row.joiner),
    issuer: issuerName(context, row.issuer),
    since: iso(since),
    rtt,
    createdAt: iso(row.createdAt),
  };
}

/** What a site offers of a service, by the offers of its instances. @param total number of ports of the service */
function describeOffers(
  presence: Presence,
  site: string,
  own: readonly StoredOffer[],
  total: number,
): Service["sites"][number] {
  const served = [...new Set(own.flatMap(({ ports }) => ports.map(({ port }) => port)))];
  const [first] = own;
  const isHop = own.every(({ encryption }) => encryption === "hop");
  const down = served.filter((port) =>
    own.every(
      ({ ports, routing }) => routing.down?.includes(port) || !ports.some((each) => each.port === port),
    ),
  );
  const { instance: { siteName = "" } = {}, routing: { weight, rank } = {} } = first ?? {};
  return {
    name: siteName,
    state: presence.state(site),
    ...(served.length < total ? { ports: served } : {}),
    ...(down.length > 0 ? { down, ...causeOf(own, down) } : {}),
    ...(weight === undefined ? {} : { weight }),
    ...(rank === undefined ? {} : { rank }),
    ...(own.some(({ to }) => to === null) ? {} : { to: [...new Set(own.flatMap(({ to }) => to ?? []))] }),
    ...(isHop ? { encryption: "hop" as const } : {}),
  };
}

/** Why ports are down at a site, and since when: as the instance says whose targets went down last. */
function causeOf(
  own: readonly StoredOffer[],
  down: readonly number[],
): Pick<Service["sites"][number], "downCode" | "downSince"> {
  const [last] = own
    .filter(({ routing }) => routing.down?.some((port) => down.includes(port)))
    .sort((left, right) => (right.downSince ?? 0) - (left.downSince ?? 0));
  const { downCode = null, downSince = null } = last ?? {};
  return {
    ...(downCode === null ? {} : { downCode }),
    ...(downSince === null ? {} : { downSince: iso(downSince) }),
  };
}

/** Describes a service; null if no site offers it. A zone has no port that anybody connects to, and is none. */
export function describeServiceNamed(context: Context, presence: Presence, name: string): Service | null {
  const offers = context.store.offers.snapshot().ofService.get(name) ?? [];
  const [oldest] = offers;
  if (!oldest || oldest.routing.zone !== undefined) return null;
  const protocols = new Map(
    offers
      .toReversed()
      .flatMap(({ ports }) => ports)
      .map(({ port, protocol }) => [port, protocol]),
  );
  const ports = oldest.servicePorts.flatMap((port): ServicePort[] => {
    const protocol = protocols.get(port);
    return protocol === undefined ? [] : [{ port, protocol }];
  });
  const [first] = ports;
  if (first === undefined) return null;
  const bySite = Map.groupBy(offers, ({ instance }) => instance.site);
  const sites = [...bySite].map(([site, own]) => describeOffers(presence, site, own, ports.length));
  const { balance = DEFAULT_BALANCE } = oldest.routing;
  const isSet = context.store.balances.of(name) !== null;
  return { name, ...first, ports, balance: { mode: balance, isSet }, sites };
}

function describeServices(context: Context, presence: Presence): Service[] {
  const names = [...context.store.offers.snapshot().ofService.keys()].sort();
  return names.flatMap((name) => describeServiceNamed(context, presence, name) ?? []);
}

export function describeStatus(context: Context): NetworkStatus {
  const presence = new Presence(context);
  return {
    network: describeNetwork(context),
    sites: context.store.sites.all().map((row) => describeSite(context, presence, row)),
    links: context.store.links.all().map((row) => describeLink(context, row, presence)),
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
  if (!row) {
    const near = nearName(
      nameOrId,
      context.store.sites.all().map(({ name }) => name),
    );
    const meant = near === null ? "" : ` Did you mean ${near}?`;
    throw new FairleadError("site.unknown", `There is no site ${nameOrId} in the network.${meant}`);
  }
  return row;
}

/**
 * The network as a connector of one site sees it: limited to the sites that the site can reach.
 * @param features of the connector
 */
export function describeForSite(context: Context, site: string, features: readonly string[]): SiteView {
  const presence = new Presence(context);
  const visibility = currentVisibility(context);
  const network = describeNetwork(context);
  return {
    network: { id: network.id, name: network.name },
    sites: context.store.sites
      .all()
      .filter((row) => row.state !== "revoked" && visibility.linkGraph.canReach(site, row.id))
      .map((row) => ({ id: row.id, name: row.name, state: presence.state(row.id) })),
    services: visibility.of(site, features),
    ...linksOf(context, site, presence),
  };
}
