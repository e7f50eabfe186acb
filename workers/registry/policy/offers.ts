/**
 * Which offers are taken: those that their site may make and whose lists of sites are not too long together, as long as
 * the network has room for services. Pure.
 */

import { compareText } from "../../../protocol/compare-text.ts";
import { compareInstances } from "../../../protocol/instance-id.ts";
import { nameMatches } from "../../../protocol/names.ts";
import { MAX_EXPORTS } from "../../../protocol/uplink/messages.ts";
import type { OfferRow } from "./visibility.ts";

/** An offer as an instance sent it, taken or not. */
export interface StoredOffer extends OfferRow {
  /** Why it was not taken; null when it was. */
  readonly refused: string | null;
}

/** In the order in which offers are decided on: the oldest first. */
export function byAge(left: StoredOffer, right: StoredOffer): number {
  return (
    left.since - right.since ||
    compareInstances(left.instance, right.instance) ||
    compareText(left.service, right.service)
  );
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
  const own = decideBySite(offers, rules);
  const taken = new Set(
    offers
      .filter(({ refused }, index) => own[index] === null && refused === null)
      .map(({ service }) => service),
  );
  return offers.map(({ service }, index) => {
    const refusal = own[index] ?? null;
    if (refusal !== null) return refusal;
    if (!taken.has(service) && taken.size >= rules.services) return "quota.services";
    taken.add(service);
    return null;
  });
}

/** The same as far as it depends on the offers' own sites, and not on the room that the network has for services. */
export function decideBySite(
  offers: readonly StoredOffer[],
  rules: Pick<OfferRules, "mayOffer">,
): ("service.forbidden" | "quota.exports" | null)[] {
  const scoped = fitExportLimit(offers);
  return offers.map(({ service, instance }, index) => {
    if (!nameMatches(service, rules.mayOffer(instance.site))) return "service.forbidden";
    return scoped[index] ? null : "quota.exports";
  });
}

/**
 * All offers of sites that were not revoked, at one moment: never changed afterwards. Of two moments, what is the same
 * array is the same offers.
 */
export interface OfferSnapshot {
  /** Every offer of each site, taken or not, the oldest first. */
  readonly ofSite: ReadonlyMap<string, readonly StoredOffer[]>;
  /** The offers of each service that were taken, the oldest first. */
  readonly ofService: ReadonlyMap<string, readonly StoredOffer[]>;
}

/** What decisions about offers are made of, at one moment. */
export interface OfferInputs {
  readonly snapshot: OfferSnapshot;
  /** What sites may offer, of those that may not offer everything. */
  readonly patterns: ReadonlyMap<string, readonly string[]>;
}

/** A decision about an offer that was decided otherwise before, or not yet. */
export interface OfferDecision {
  readonly offer: StoredOffer;
  readonly refused: Refusal | null;
}

/**
 * What of {@link decideOffers} is otherwise after a change, everything having been decided before it. While the network
 * has room for every service, whether an offer is taken depends on its own site alone: then only the sites that changed
 * are looked at.
 * @param services how many services the network may have now
 */
export function decideChanged(before: OfferInputs, now: OfferInputs, services: number): OfferDecision[] {
  const rules = { mayOffer: (site: string) => now.patterns.get(site) ?? null, services };
  const changed = changedSites(before, now);
  const some = [...changed].flatMap((site) => now.snapshot.ofSite.get(site) ?? []);
  const bySite = decideBySite(some, rules);
  const allowed = some.filter((_, index) => bySite[index] === null);
  const bySiteOnly = hasRoom(now.snapshot, changed, allowed, services);
  const offers = bySiteOnly ? some : [...now.snapshot.ofSite.values()].flat().sort(byAge);
  const decisions = bySiteOnly ? bySite : decideOffers(offers, rules);
  return offers
    .map((offer, index) => ({ offer, refused: decisions[index] ?? null }))
    .filter(({ offer, refused }) => offer.refused !== refused);
}

/** The sites whose offers differ, or what they may offer. */
function changedSites(before: OfferInputs, now: OfferInputs): Set<string> {
  const sites = changedKeys(before.snapshot.ofSite, now.snapshot.ofSite);
  if (before.patterns === now.patterns) return sites;
  for (const site of now.snapshot.ofSite.keys()) {
    const [had, has] = [before.patterns.get(site), now.patterns.get(site)];
    if (had !== has && had?.join() !== has?.join()) sites.add(site);
  }
  return sites;
}

/** Whether the network has room for all offers of the changed sites that these may make, and no other offer waits for room. */
function hasRoom(
  { ofSite, ofService }: OfferSnapshot,
  changed: ReadonlySet<string>,
  allowed: readonly StoredOffer[],
  services: number,
): boolean {
  const added = new Set(allowed.map(({ service }) => service).filter((service) => !ofService.has(service)));
  if (ofService.size + added.size > services) return false;
  return [...ofSite].every(
    ([site, offers]) => changed.has(site) || offers.every(({ refused }) => refused !== "quota.services"),
  );
}

/** The keys whose values are not the same in both maps. */
export function changedKeys<T>(left: ReadonlyMap<string, T>, right: ReadonlyMap<string, T>): Set<string> {
  const keys = [...left.keys(), ...right.keys()];
  return new Set(keys.filter((key) => left.get(key) !== right.get(key)));
}

/**
 * Whether each offer's list of sites still has room among its site's: the oldest offers come first. Replicas of a site
 * offer the same, so the same list for the same service counts once.
 */
function fitExportLimit(offers: readonly StoredOffer[]): boolean[] {
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
