/**
 * The visibility of services: a site sees services that other sites export to it and that it can reach. Pure:
 * built from the state of one moment.
 */
import { compareInstances } from "../../../protocol/instance-id.ts";
import { type ServiceProtocol, siteMatches } from "../../../protocol/names.ts";
import type { Encryption, Instance, VisibleService } from "../../../protocol/uplink/messages.ts";
import { type Edge, LinkGraph, type Position } from "./link-graph.ts";
import { nearestOffers } from "./message-limits.ts";

/** An instance's offer of a service. */
export interface OfferRow {
  readonly service: string;
  readonly protocol: ServiceProtocol;
  /** The port of the service in the network, which all accepted offers of the service have. */
  readonly port: number;
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
}

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

  viewer(site: string): Viewer {
    return { id: site, name: this.#names.get(site) ?? "", position: this.linkGraph.positionOf(site) };
  }

  /** All services that a site sees, by name. */
  of(site: string): VisibleService[] {
    const viewer = this.viewer(site);
    // One search from the viewing site serves all offers.
    const costTo = (position: Position | undefined) => this.linkGraph.costBetween(viewer.position, position);
    return this.services
      .sort()
      .map((name) => toVisibleService(visibleOffers(viewer, this.offersOf(name), costTo)))
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

/** The offers of a service that a site sees. */
export function visibleOffers(
  viewer: Viewer,
  offers: readonly LocatedOffer[],
  costTo: (position: Position | undefined) => number,
): VisibleOffer[] {
  return offers
    .filter(({ offer }) => isExportedTo(viewer, offer))
    .map(({ offer, position }) => ({ offer, cost: costTo(position) }))
    .filter(({ cost }) => cost < Number.POSITIVE_INFINITY);
}

/**
 * A service as its visible offers define it; null without any. The oldest offer defines the protocol.
 */
export function toVisibleService(seen: readonly VisibleOffer[]): VisibleService | null {
  const oldest = seen[0]?.offer;
  if (!oldest) return null;
  return {
    name: oldest.service,
    protocol: oldest.protocol,
    port: oldest.port,
    offers: nearestOffers(seen).map(({ offer: { instance, encryption }, cost }) =>
      encryption === "hop" ? { ...instance, encryption, cost } : { ...instance, cost },
    ),
  };
}
