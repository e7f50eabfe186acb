/**
 * Which services a site sees: those that sites it can reach offer and export to it, its own left out. Pure: the
 * state of one moment in, answers out.
 */
import { compareInstances } from "../../../protocol/instance-id.ts";
import { type ServiceProtocol, siteMatches } from "../../../protocol/names.ts";
import type { Encryption, Instance, VisibleService } from "../../../protocol/uplink/messages.ts";
import { type Edge, LinkGraph, type Position } from "./link-graph.ts";
import { nearestOffers } from "./message-limits.ts";

/** One instance's offer of a service. */
export interface OfferRow {
  readonly service: string;
  readonly protocol: ServiceProtocol;
  readonly port: number;
  readonly instance: Instance;
  readonly encryption: Encryption;
  /** Names or ids of the only sites that it is exported to; null is all. */
  readonly to: readonly string[] | null;
  /** When it began, ms. */
  readonly since: number;
}

/** The offers of each service. Whoever changes some of them makes new arrays, and leaves those of other services. */
export type OffersByService = ReadonlyMap<string, readonly OfferRow[]>;

/** An offer, and where in the graph its site is. */
export interface LocatedOffer {
  readonly offer: OfferRow;
  readonly position: Position | undefined;
}

/** A site that looks at what others offer. */
export interface Viewer {
  readonly id: string;
  readonly name: string;
  readonly position: Position | undefined;
}

/** An offer that a site sees, and what the way there costs. */
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

  /** Of what nobody changes: made once for the same three. */
  static of(edges: readonly Edge[], names: ReadonlyMap<string, string>, offers: OffersByService): Visibility {
    const known = Visibility.#known.get(offers);
    if (known && known.#edges === edges && known.#names === names) return known;
    const made = new Visibility(edges, names, offers);
    Visibility.#known.set(offers, made);
    return made;
  }

  /**
   * @param edges the link graph
   * @param names of all sites, by id
   * @param offers those that were taken, in any order
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

  /** Names of all services that somebody offers. */
  get services(): string[] {
    return [...this.#offers.keys()];
  }

  /** All offers of a service, the oldest first. */
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

  /** Whether the offers of a service are the same array at another moment. */
  sharesOffers(other: Visibility, name: string): boolean {
    return this.#offers.get(name) === other.#offers.get(name);
  }

  viewer(site: string): Viewer {
    return { id: site, name: this.#names.get(site) ?? "", position: this.linkGraph.positionOf(site) };
  }

  /** Everything that a site sees, by name. */
  of(site: string): VisibleService[] {
    const viewer = this.viewer(site);
    // One search from the site that looks serves all that it sees.
    const costTo = (position: Position | undefined) => this.linkGraph.costBetween(viewer.position, position);
    return this.services
      .sort()
      .map((name) => toVisibleService(visibleOffers(viewer, this.offersOf(name), costTo)))
      .filter((service) => service !== null);
  }

  /** Whether links and names are the same at another moment; what was found out of the graph is shared then. */
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

/** Whether an offer is for a site at all, if it can be reached. */
export function isExportedTo(viewer: Viewer, { instance, to }: OfferRow): boolean {
  return instance.site !== viewer.id && (to === null || siteMatches(viewer, to));
}

/** Those of a service's offers that a site sees. */
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

/** A service as its seen offers make it; null without any. Where they disagree, protocol and port are the oldest's. */
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
