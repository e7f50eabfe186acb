/**
 * The visibility of services: a site sees services that other sites export to it and that it can reach. Pure:
 * built from the state of one moment.
 */
import { compareInstances } from "../../../protocol/instance-id.ts";
import { type ServiceProtocol, siteMatches } from "../../../protocol/names.ts";
import type {
  ConnectorFeature,
  Encryption,
  Instance,
  Offer,
  ServicePort,
  VisibleService,
} from "../../../protocol/uplink/messages.ts";
import { type Edge, LinkGraph, type Position } from "./link-graph.ts";
import { nearestOffers } from "./message-limits.ts";

/** How clients choose an instance: what the offering side says, and the operator instead of it. */
export type Routing = Pick<Offer, "kinds" | "balance" | "weight" | "rank" | "down" | "zone">;

/** What an offer says of the exported Service behind it. */
export type OfferDetails = Pick<Offer, "export" | "headless" | "detailsFollow">;

/** An instance's offer of a service. */
export interface OfferRow {
  readonly service: string;
  /** The ports of the service that the instance serves, in the order of its site. */
  readonly ports: readonly ServicePort[];
  /** The ports of the service in the network, which are the same in all accepted offers of the service. */
  readonly servicePorts: readonly number[];
  readonly routing: Routing;
  /** Null for an offer that is not of a cluster. */
  readonly details: OfferDetails | null;
  readonly instance: Instance;
  readonly encryption: Encryption;
  /** Names or ids of the only sites that the service is exported to; null: all sites. */
  readonly to: readonly string[] | null;
  /** When the offer began, ms since 1970. */
  readonly since: number;
}

/** The offers of each service. A change creates new arrays for the changed services and keeps all others. */
export type OffersByService = ReadonlyMap<string, readonly OfferRow[]>;

/** An offer with the position of its site in the link graph. */
export interface LocatedOffer {
  readonly offer: OfferRow;
  readonly position: Position | undefined;
}

/** A site that looks at the offers of others. */
export interface Viewer {
  readonly id: string;
  readonly name: string;
  readonly position: Position | undefined;
  /** The features of the connector that looks. */
  readonly features: readonly string[];
}

/** The feature without which a connector does not know a protocol; null for those of the first release. */
const PROTOCOL_FEATURES: Readonly<Record<ServiceProtocol, ConnectorFeature | null>> = {
  tcp: null,
  http: null,
  http2: null,
  udp: "udp",
};

const SEVERAL_PORTS: ConnectorFeature = "ports";
const ZONES: ConnectorFeature = "zones";
const EXPORTS: ConnectorFeature = "exports";

/** Whether a connector is told of the exported Services behind offers. */
export const seesDetails = ({ features }: Pick<Viewer, "features">): boolean => features.includes(EXPORTS);

/** The features of a connector that names none. */
const NO_FEATURES: readonly string[] = [];

/** A visible offer with the cost of the path to it. */
export interface VisibleOffer {
  readonly offer: OfferRow;
  readonly cost: number;
}

const byAge = (left: OfferRow, right: OfferRow): number =>
  left.since - right.since || compareInstances(left.instance, right.instance);

export class Visibility {
  readonly #edges: readonly Edge[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #offers: OffersByService;
  readonly #located = new Map<string, readonly LocatedOffer[]>();
  #linkGraph: LinkGraph | null = null;

  static readonly #known = new WeakMap<OffersByService, Visibility>();

  /** The visibility of immutable inputs, created once for the same three. */
  static of(edges: readonly Edge[], names: ReadonlyMap<string, string>, offers: OffersByService): Visibility {
    const known = Visibility.#known.get(offers);
    if (known && known.#edges === edges && known.#names === names) return known;
    const made = new Visibility(edges, names, offers);
    Visibility.#known.set(offers, made);
    return made;
  }

  /**
   * @param edges the link graph
   * @param names names of all sites, by id
   * @param offers accepted offers, in any order
   */
  constructor(
    edges: readonly Edge[],
    names: ReadonlyMap<string, string>,
    offers: OffersByService | readonly OfferRow[],
  ) {
    this.#edges = edges;
    this.#names = names;
    this.#offers = "length" in offers ? Map.groupBy(offers, ({ service }) => service) : offers;
  }

  get linkGraph(): LinkGraph {
    this.#linkGraph ??= LinkGraph.of(this.#edges);
    return this.#linkGraph;
  }

  /** Names of all offered services. */
  get services(): string[] {
    return [...this.#offers.keys()];
  }

  /** All offers of a service, oldest first. */
  offersOf(name: string): readonly LocatedOffer[] {
    const known = this.#located.get(name);
    if (known) return known;
    const { linkGraph } = this;
    const located = [...(this.#offers.get(name) ?? [])].sort(byAge).map((offer) => ({
      offer,
      position: linkGraph.positionOf(offer.instance.site),
    }));
    this.#located.set(name, located);
    return located;
  }

  /** Whether another moment has the same array of offers of a service. */
  sharesOffers(other: Visibility, name: string): boolean {
    return this.#offers.get(name) === other.#offers.get(name);
  }

  viewer(site: string, features: readonly string[] = NO_FEATURES): Viewer {
    const position = this.linkGraph.positionOf(site);
    return { id: site, name: this.#names.get(site) ?? "", position, features };
  }

  /** All services that a connector of a site sees, by name. @param features of that connector */
  of(site: string, features: readonly string[] = NO_FEATURES): VisibleService[] {
    const viewer = this.viewer(site, features);
    // One search from the viewing site serves all offers.
    const costTo = (position: Position | undefined) => this.linkGraph.costBetween(viewer.position, position);
    return this.services
      .sort()
      .map((name) => toVisibleService(viewer, visibleOffers(viewer, this.offersOf(name), costTo)))
      .filter((service) => service !== null);
  }

  /** Whether another moment has equal links and names. If so, the two share their graph and its searches. */
  sharesGraph(other: Visibility): boolean {
    const same =
      (this.#edges === other.#edges && this.#names === other.#names) || this.#isEquivalentTo(other);
    if (same) other.#linkGraph = this.linkGraph;
    return same;
  }

  #isEquivalentTo(other: Visibility): boolean {
    return (
      this.#edges.length === other.#edges.length &&
      this.#names.size === other.#names.size &&
      this.#edges.every((edge, index) => {
        const { joiner, issuer, cost } = other.#edges[index] ?? {};
        return edge.joiner === joiner && edge.issuer === issuer && edge.cost === cost;
      }) &&
      [...this.#names].every(([id, name]) => other.#names.get(id) === name)
    );
  }
}

/** Whether an offer is exported to a site, regardless of paths. */
export function isExportedTo(viewer: Viewer, { instance, to }: OfferRow): boolean {
  return instance.site !== viewer.id && (to === null || siteMatches(viewer, to));
}

/**
 * The ports of an offer that a connector can use. A connector without the feature "ports" knows one port of a
 * service, the first, opens streams without a port, which reach the first port of the instance, and takes no notice
 * of ports that are down.
 */
function usablePorts(viewer: Viewer, { ports }: OfferRow): readonly ServicePort[] {
  if (!viewer.features.includes(SEVERAL_PORTS)) return ports.slice(0, 1);
  return ports.every((port) => isKnown(viewer, port)) ? ports : ports.filter((port) => isKnown(viewer, port));
}

function isKnown({ features }: Viewer, { protocol }: ServicePort): boolean {
  const feature = PROTOCOL_FEATURES[protocol];
  return feature === null || features.includes(feature);
}

/** Whether a connector can use any port of an offer. Allocates nothing, because it runs for each pair of sites. */
function isUsable(viewer: Viewer, { ports, servicePorts, routing: { down, zone } }: OfferRow): boolean {
  const [first] = ports;
  if (first === undefined || (zone !== undefined && !viewer.features.includes(ZONES))) return false;
  const hasKnown =
    isKnown(viewer, first) || (ports.length > 1 && ports.some((port) => isKnown(viewer, port)));
  if (viewer.features.includes(SEVERAL_PORTS)) return hasKnown;
  return isKnown(viewer, first) && first.port === servicePorts[0] && down?.includes(first.port) !== true;
}

/**
 * Whether a connector sees an offer, regardless of paths. One that is told of details sees no offer whose details are
 * still to come: a service that first seems to be no export, and then is one, would be made twice in a cluster.
 */
export function isShownTo(viewer: Viewer, offer: OfferRow): boolean {
  if (offer.details?.detailsFollow === true && seesDetails(viewer)) return false;
  return isExportedTo(viewer, offer) && isUsable(viewer, offer);
}

/** The offers of a service that a connector sees. */
export function visibleOffers(
  viewer: Viewer,
  offers: readonly LocatedOffer[],
  costTo: (position: Position | undefined) => number,
): VisibleOffer[] {
  return offers
    .filter(({ offer }) => isShownTo(viewer, offer))
    .map(({ offer, position }) => ({ offer, cost: costTo(position) }))
    .filter(({ cost }) => cost < Number.POSITIVE_INFINITY);
}

/**
 * A service as its visible offers define it; null without any. The oldest offer of a port defines the protocol of the
 * port, and the oldest of all the balance.
 */
export function toVisibleService(viewer: Viewer, seen: readonly VisibleOffer[]): VisibleService | null {
  const oldest = seen[0]?.offer;
  if (!oldest) return null;
  const usable = seen.map(({ offer }) => usablePorts(viewer, offer));
  const protocols = new Map<number, ServiceProtocol>();
  for (const { port, protocol } of usable.flat()) if (!protocols.has(port)) protocols.set(port, protocol);
  const ports = oldest.servicePorts.flatMap((port): ServicePort[] => {
    const protocol = protocols.get(port);
    return protocol === undefined ? [] : [{ port, protocol }];
  });
  const [first] = ports;
  if (first === undefined) return null;
  const isSeveral = oldest.servicePorts.length > 1 && viewer.features.includes(SEVERAL_PORTS);
  const { balance } = oldest.routing;
  const offers = seen.map(({ offer: { instance, encryption, routing, details }, cost }, index) => {
    const { balance: _, ...facts } = routing;
    const { export: exported, headless } = (seesDetails(viewer) ? details : null) ?? {};
    const served = usable[index] ?? [];
    return {
      ...instance,
      ...(encryption === "hop" ? { encryption } : {}),
      cost,
      ...(isSeveral && served.length < ports.length ? { ports: served.map(({ port }) => port) } : {}),
      ...facts,
      ...(exported === undefined ? {} : { export: exported }),
      ...(headless === undefined ? {} : { headless }),
    };
  });
  return {
    name: oldest.service,
    ...first,
    ...(isSeveral ? { ports } : {}),
    ...(balance === undefined ? {} : { balance }),
    offers: nearestOffers(offers),
  };
}
