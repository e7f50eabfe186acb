/**
 * What sites see otherwise than a moment before. A change of the link graph may concern every service that every
 * site sees, a million pairs in a large network: for each that did not change, nothing is made. Pure.
 */
import { isSameInstance } from "../../../protocol/instance-id.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import type { Reachability } from "./link-graph.ts";
import {
  isFor,
  type OfferRow,
  type PlacedOffer,
  type Sight,
  seenBy,
  serviceOf,
  type Viewer,
} from "./visibility.ts";

/** A change of what a site sees. */
export interface Change {
  readonly put: VisibleService[];
  /** Names of services that it sees no more. */
  readonly gone: string[];
}

/** The offers of a service before and after. */
interface Pair {
  readonly name: string;
  readonly had: readonly PlacedOffer[];
  readonly has: readonly PlacedOffer[];
}

export class Differences {
  readonly #before: Sight;
  readonly #after: Sight;
  readonly #pairs: readonly Pair[];

  constructor(before: Sight, after: Sight) {
    this.#before = before;
    this.#after = after;
    const sameGround = after.sharesGround(before);
    const names = [...new Set([...after.services, ...before.services])];
    // What nobody changed is not looked at.
    const changed = sameGround ? names.filter((name) => !after.sharesOffers(before, name)) : names;
    const pairs = changed.map((name) => ({
      name,
      had: before.offersOf(name),
      has: after.offersOf(name),
    }));
    this.#pairs = sameGround ? pairs.filter(offersDiffer) : pairs;
  }

  /** Nobody sees anything else. */
  get none(): boolean {
    return this.#pairs.length === 0;
  }

  for(site: string): Change {
    const { reachability } = this.#after;
    const then = this.#before.viewer(site);
    const now = this.#after.viewer(site);
    const put: VisibleService[] = [];
    const gone: string[] = [];
    for (const pair of this.#pairs) {
      if (this.#alike(pair, then, now)) continue;
      const service = serviceOf(seenBy(now, pair.has, (place) => reachability.between(place, now.place)));
      if (service) put.push(service);
      else gone.push(pair.name);
    }
    return { put, gone };
  }

  /** Whether a site sees the same of a service as before. */
  #alike({ had, has }: Pair, then: Viewer, now: Viewer): boolean {
    const old = this.#before.reachability;
    const { reachability } = this.#after;
    let at = nextSeen(old, then, had, 0);
    for (let index = nextSeen(reachability, now, has, 0); index < has.length; ) {
      const left = had[at];
      const right = has[index];
      if (left === undefined || right === undefined || !toldAlike(left.offer, right.offer)) return false;
      if (old.between(left.place, then.place) !== reachability.between(right.place, now.place)) return false;
      at = nextSeen(old, then, had, at + 1);
      index = nextSeen(reachability, now, has, index + 1);
    }
    return at >= had.length;
  }
}

/**
 * The next of a service's offers, from `start` on, that a site sees; searched for from those who offer, for they are
 * what all who are told have in common.
 */
function nextSeen(
  reachability: Reachability,
  viewer: Viewer,
  offers: readonly PlacedOffer[],
  start: number,
): number {
  for (let at = start; at < offers.length; at++) {
    const placed = offers[at];
    if (placed === undefined || !isFor(viewer, placed.offer)) continue;
    if (reachability.between(placed.place, viewer.place) < Number.POSITIVE_INFINITY) return at;
  }
  return offers.length;
}

function toldAlike(left: OfferRow, right: OfferRow): boolean {
  return (
    isSameInstance(left.instance, right.instance) &&
    left.instance.siteName === right.instance.siteName &&
    left.protocol === right.protocol &&
    left.port === right.port &&
    left.encryption === right.encryption
  );
}

function offersDiffer({ had, has }: Pair): boolean {
  return (
    had.length !== has.length ||
    has.some(({ offer }, index) => {
      const former = had[index]?.offer;
      if (former === undefined || !toldAlike(former, offer)) return true;
      // The store gives the same list for the same sites.
      return former.to !== offer.to && JSON.stringify(former.to) !== JSON.stringify(offer.to);
    })
  );
}
