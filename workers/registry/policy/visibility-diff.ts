/**
 * The difference between two moments of visibility. A change of the link graph may affect every service at
 * every site: a million pairs in a large network. Nothing is allocated for an unchanged pair. Pure.
 */
import { isSameInstance } from "../../../protocol/instance-id.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import type { LinkGraph } from "./link-graph.ts";
import {
  isShownTo,
  type LocatedOffer,
  type OfferRow,
  seesDetails,
  toVisibleService,
  type Viewer,
  type Visibility,
  visibleOffers,
} from "./visibility.ts";

/** The change of what one site sees. */
export interface VisibilityChange {
  readonly put: VisibleService[];
  /** Names of services that the site no longer sees. */
  readonly gone: string[];
}

/** The offers of a service before and after. */
interface ServiceOffers {
  readonly name: string;
  readonly offersBefore: readonly LocatedOffer[];
  readonly offersAfter: readonly LocatedOffer[];
}

export class VisibilityDiff {
  readonly #before: Visibility;
  readonly #after: Visibility;
  readonly #services: readonly ServiceOffers[];

  constructor(before: Visibility, after: Visibility) {
    this.#before = before;
    this.#after = after;
    const sameGraph = after.sharesGraph(before);
    const names = [...new Set([...after.services, ...before.services])];
    // Services with shared offers and an equal graph cannot differ.
    const changed = sameGraph ? names.filter((name) => !after.sharesOffers(before, name)) : names;
    const services = changed.map((name) => ({
      name,
      offersBefore: before.offersOf(name),
      offersAfter: after.offersOf(name),
    }));
    this.#services = sameGraph ? services.filter(offersDiffer) : services;
  }

  /** Whether no site sees a difference. */
  get isEmpty(): boolean {
    return this.#services.length === 0;
  }

  /** The change of what a connector of a site sees. @param features of that connector */
  changeFor(site: string, features?: readonly string[]): VisibilityChange {
    const { linkGraph } = this.#after;
    const then = this.#before.viewer(site, features);
    const now = this.#after.viewer(site, features);
    const put: VisibleService[] = [];
    const gone: string[] = [];
    for (const service of this.#services) {
      if (this.#isUnchanged(service, then, now)) continue;
      const visible = toVisibleService(
        now,
        visibleOffers(now, service.offersAfter, (position) => linkGraph.costBetween(position, now.position)),
      );
      if (visible) put.push(visible);
      else gone.push(service.name);
    }
    return { put, gone };
  }

  /** Whether a site sees the same of a service before and after. */
  #isUnchanged({ offersBefore, offersAfter }: ServiceOffers, then: Viewer, now: Viewer): boolean {
    const old = this.#before.linkGraph;
    const { linkGraph } = this.#after;
    let at = nextVisible(old, then, offersBefore, 0);
    for (let index = nextVisible(linkGraph, now, offersAfter, 0); index < offersAfter.length; ) {
      const left = offersBefore[at];
      const right = offersAfter[index];
      if (left === undefined || right === undefined || !isSameOffer(left.offer, right.offer)) return false;
      if (seesDetails(now) && !isEqual(left.offer.details, right.offer.details)) return false;
      if (
        old.costBetween(left.position, then.position) !== linkGraph.costBetween(right.position, now.position)
      )
        return false;
      at = nextVisible(old, then, offersBefore, at + 1);
      index = nextVisible(linkGraph, now, offersAfter, index + 1);
    }
    return at >= offersBefore.length;
  }
}

/**
 * The index of the next visible offer at or after `start`; the length of `offers` if there is none. Costs are
 * searched from the offering site, which all viewers have in common.
 */
function nextVisible(
  linkGraph: LinkGraph,
  viewer: Viewer,
  offers: readonly LocatedOffer[],
  start: number,
): number {
  for (let at = start; at < offers.length; at++) {
    const located = offers[at];
    if (located === undefined || !isShownTo(viewer, located.offer)) continue;
    if (linkGraph.costBetween(located.position, viewer.position) < Number.POSITIVE_INFINITY) return at;
  }
  return offers.length;
}

function isSameOffer(left: OfferRow, right: OfferRow): boolean {
  return (
    isSameInstance(left.instance, right.instance) &&
    left.instance.siteName === right.instance.siteName &&
    left.encryption === right.encryption &&
    isEqual(left.ports, right.ports) &&
    isEqual(left.servicePorts, right.servicePorts) &&
    isEqual(left.routing, right.routing)
  );
}

/** Compares values of the store, which has one object for equal values; others are compared as JSON. */
function isEqual(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function offersDiffer({ offersBefore, offersAfter }: ServiceOffers): boolean {
  return (
    offersBefore.length !== offersAfter.length ||
    offersAfter.some(({ offer }, index) => {
      const former = offersBefore[index]?.offer;
      if (former === undefined || !isSameOffer(former, offer)) return true;
      return !isEqual(former.to, offer.to) || !isEqual(former.details, offer.details);
    })
  );
}
