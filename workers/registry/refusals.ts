/** Which offers are taken: those that their site may make, as long as the network has room for services. Pure. */
import { nameMatches } from "../../protocol/names.ts";
import type { OfferRow } from "./sight.ts";

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
export type Refusal = "service.forbidden" | "quota.services";

/**
 * Why each offer is not taken, or null for one that is, in the order of `offers`. One that was taken stays so while
 * its site may make it, whatever the quota is by now; then the oldest come first. Another offer of a service that
 * the network has needs no room.
 */
export function decideOffers(offers: readonly StoredOffer[], rules: OfferRules): (Refusal | null)[] {
  const allowed = offers.map(({ service, instance }) => nameMatches(service, rules.mayOffer(instance.site)));
  const taken = new Set(
    offers.filter((offer, index) => allowed[index] && offer.refused === null).map(({ service }) => service),
  );
  return offers.map(({ service }, index) => {
    if (!allowed[index]) return "service.forbidden";
    if (!taken.has(service) && taken.size >= rules.services) return "quota.services";
    taken.add(service);
    return null;
  });
}
