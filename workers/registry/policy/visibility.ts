/**
 * Which services a site sees: those that sites it can reach offer and export to it, its own left out. Pure: the
 * state of one moment in, answers out.
 */
import { compareInstances } from "../../../protocol/instance-id.ts";
import { type ServiceProtocol, siteMatches } from "../../../protocol/names.ts";
import type { Encryption, Instance, VisibleService } from "../../../protocol/uplink/messages.ts";
import { type Edge, type Place, Reachability } from "./link-graph.ts";
import { nearest } from "./message-limits.ts";

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
export interface PlacedOffer {
  readonly offer: OfferRow;
  readonly place: Place | undefined;
}

/** A site that looks at what others offer. */
export interface Viewer {
  readonly id: string;
  readonly name: string;
  readonly place: Place | undefined;
}

/** An offer that a site sees, and what the way there costs. */
export interface Seen {
  readonly offer: OfferRow;
  readonly cost: number;
}

const byAge = (left: OfferRow, right: OfferRow): number =>
  left.since - right.since || compareInstances(left.instance, right.instance);

export class Sight {
  readonly #edges: readonly Edge[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #offers: OffersByService;
  readonly #placed = new Map<string, readonly PlacedOffer[]>();
  #reachability: Reachability | null = null;

  static readonly #known = new WeakMap<OffersByService, Sight>();

  /** Of what nobody changes: made once for the same three. */
  static of(edges: readonly Edge[], names: ReadonlyMap<string, string>, offers: OffersByService): Sight {
    const known = Sight.#known.get(offers);
    if (known && known.#edges === edges && known.#names === names) return known;
    const made = new Sight(edges, names, offers);
    Sight.#known.set(offers, made);
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

  get reachability(): Reachability {
    this.#reachability ??= Reachability.of(this.#edges);
    return this.#reachability;
  }

  /** Names of all services that somebody offers. */
  get services(): string[] {
    return [...this.#offers.keys()];
  }

  /** All offers of a service, the oldest first. */
  offersOf(name: string): readonly PlacedOffer[] {
    const known = this.#placed.get(name);
    if (known) return known;
    const { reachability } = this;
    const placed = [...(this.#offers.get(name) ?? [])].sort(byAge).map((offer) => ({
      offer,
      place: reachability.placeOf(offer.instance.site),
    }));
    this.#placed.set(name, placed);
    return placed;
  }

  /** Whether the offers of a service are the same array at another moment. */
  sharesOffers(other: Sight, name: string): boolean {
    return this.#offers.get(name) === other.#offers.get(name);
  }

  viewer(site: string): Viewer {
    return { id: site, name: this.#names.get(site) ?? "", place: this.reachability.placeOf(site) };
  }

  /** Everything that a site sees, by name. */
  of(site: string): VisibleService[] {
    const viewer = this.viewer(site);
    // One search from the site that looks serves all that it sees.
    const costTo = (place: Place | undefined) => this.reachability.between(viewer.place, place);
    return this.services
      .sort()
      .map((name) => serviceOf(seenBy(viewer, this.offersOf(name), costTo)))
      .filter((service) => service !== null);
  }

  /** Whether links and names are the same at another moment; what was found out of the graph is shared then. */
  sharesGround(other: Sight): boolean {
    const same = (this.#edges === other.#edges && this.#names === other.#names) || this.#saysTheSame(other);
    if (same) other.#reachability = this.reachability;
    return same;
  }

  #saysTheSame(other: Sight): boolean {
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
export function isFor(viewer: Viewer, { instance, to }: OfferRow): boolean {
  return instance.site !== viewer.id && (to === null || siteMatches(viewer, to));
}

/** Those of a service's offers that a site sees. */
export function seenBy(
  viewer: Viewer,
  offers: readonly PlacedOffer[],
  costTo: (place: Place | undefined) => number,
): Seen[] {
  return offers
    .filter(({ offer }) => isFor(viewer, offer))
    .map(({ offer, place }) => ({ offer, cost: costTo(place) }))
    .filter(({ cost }) => cost < Number.POSITIVE_INFINITY);
}

/** A service as its seen offers make it; null without any. Where they disagree, protocol and port are the oldest's. */
export function serviceOf(seen: readonly Seen[]): VisibleService | null {
  const oldest = seen[0]?.offer;
  if (!oldest) return null;
  return {
    name: oldest.service,
    protocol: oldest.protocol,
    port: oldest.port,
    offers: nearest(seen).map(({ offer: { instance, encryption }, cost }) =>
      encryption === "hop" ? { ...instance, encryption, cost } : { ...instance, cost },
    ),
  };
}
