/**
 * Which offers are taken: those that their site may make and whose lists of sites are not too long together, as long as
 * the network has room for services. Pure.
 */

import { nameMatches } from "../../../protocol/names.ts";
import { MAX_EXPORTS } from "../../../protocol/uplink/messages.ts";
import type { OfferRow } from "./visibility.ts";

/** An offer as an instance sent it, taken or not. */
export interface StoredOffer extends OfferRow {
  /** Why it was not taken; null when it was. */
  readonly refused: string | null;
}

export interface OfferRules {
  /** Patterns of what a site may offer; null is anything. */
  mayOffer(site: string): readonly string[] | null;
  /** How many services the network may have. */
  readonly services: number;
}

/** Why an offer is not taken. */
export type Refusal = "service.forbidden" | "quota.exports" | "quota.services";

/**
 * Why each offer is not taken, or null for one that is, in the order of `offers`. One that was taken stays so while
 * its site may make it, whatever the quota is by now; then the oldest come first. Another offer of a service that
 * the network has needs no room.
 */
export function decideOffers(offers: readonly StoredOffer[], rules: OfferRules): (Refusal | null)[] {
  const allowed = offers.map(({ service, instance }) => nameMatches(service, rules.mayOffer(instance.site)));
  const scoped = withinExports(offers);
  const taken = new Set(
    offers
      .filter((offer, index) => allowed[index] && scoped[index] && offer.refused === null)
      .map(({ service }) => service),
  );
  return offers.map(({ service }, index) => {
    if (!allowed[index]) return "service.forbidden";
    if (!scoped[index]) return "quota.exports";
    if (!taken.has(service) && taken.size >= rules.services) return "quota.services";
    taken.add(service);
    return null;
  });
}

/**
 * Whether each offer's list of sites still has room among its site's: the oldest offers come first. Replicas of a site
 * offer the same, so the same list for the same service counts once.
 */
function withinExports(offers: readonly StoredOffer[]): boolean[] {
  const counted = new Map<string, Set<string>>();
  const used = new Map<string, number>();
  return offers.map(({ service, instance: { site }, to }) => {
    if (to === null || to.length === 0) return true;
    const lists = counted.get(site) ?? new Set<string>();
    counted.set(site, lists);
    const list = `${service} ${to.join()}`;
    if (lists.has(list)) return true;
    const sum = (used.get(site) ?? 0) + to.length;
    if (sum > MAX_EXPORTS) return false;
    used.set(site, sum);
    lists.add(list);
    return true;
  });
}
