/**
 * The acceptance of offers: by what their site may offer, by the length of its export lists, and by the
 * network's quota of services. Pure.
 */

import { compareText } from "../../../protocol/compare-text.ts";
import { compareInstances } from "../../../protocol/instance-id.ts";
import { nameMatches } from "../../../protocol/names.ts";
import { MAX_EXPORTS } from "../../../protocol/uplink/messages.ts";
import type { OfferRow } from "./visibility.ts";

/** An offer as an instance sent it, accepted or not. */
export interface StoredOffer extends OfferRow {
  /** Why the offer is refused; null if it is accepted. */
  readonly refused: string | null;
}

/** Orders offers for decisions: oldest first. */
export function byAge(left: StoredOffer, right: StoredOffer): number {
  return (
    left.since - right.since ||
    compareInstances(left.instance, right.instance) ||
    compareText(left.service, right.service)
  );
}

export interface OfferRules {
  /** Name patterns of what a site may offer; null: any name. */
  mayOffer(site: string): readonly string[] | null;
  /** The network's quota of services. */
  readonly services: number;
}

/** Why an offer is refused. */
export type Refusal = "service.forbidden" | "quota.exports" | "quota.services";

/**
 * Decides all offers: the reason for refusal, or null if accepted, in the order of `offers`. An accepted
 * offer stays accepted while its site may make it, whatever the quota is. Then the oldest offers come first.
 * A further offer of an existing service needs no room.
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

/** Decides offers by the rules of their own sites only, without the quota of services. */
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
 * All offers of sites that are not revoked, at one moment. Immutable. The same array in two snapshots means
 * the same offers.
 */
export interface OfferSnapshot {
  /** Every offer of each site, accepted or not, oldest first. */
  readonly ofSite: ReadonlyMap<string, readonly StoredOffer[]>;
  /** The accepted offers of each service, oldest first. */
  readonly ofService: ReadonlyMap<string, readonly StoredOffer[]>;
}

/** The inputs of decisions about offers, at one moment. */
export interface OfferInputs {
  readonly snapshot: OfferSnapshot;
  /** Name patterns of what sites may offer. Sites that may offer any name are absent. */
  readonly patterns: ReadonlyMap<string, readonly string[]>;
}

/** A decision that is new or differs from the previous one. */
export interface OfferDecision {
  readonly offer: StoredOffer;
  readonly refused: Refusal | null;
}

/**
 * The decisions of {@link decideOffers} that change with a change of inputs. While the network has room for
 * every service, a decision depends on the offer's own site only. Then only changed sites are examined.
 * @param services the network's present quota of services
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

/** Sites whose offers or patterns differ. */
function changedSites(before: OfferInputs, now: OfferInputs): Set<string> {
  const sites = changedKeys(before.snapshot.ofSite, now.snapshot.ofSite);
  if (before.patterns === now.patterns) return sites;
  for (const site of now.snapshot.ofSite.keys()) {
    const [had, has] = [before.patterns.get(site), now.patterns.get(site)];
    if (had !== has && had?.join() !== has?.join()) sites.add(site);
  }
  return sites;
}

/**
 * Whether the network has room for all permitted offers of changed sites, and no other offer is waiting for
 * room.
 */
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

/** Keys whose values differ between two maps. */
export function changedKeys<T>(left: ReadonlyMap<string, T>, right: ReadonlyMap<string, T>): Set<string> {
  const keys = [...left.keys(), ...right.keys()];
  return new Set(keys.filter((key) => left.get(key) !== right.get(key)));
}

/**
 * Whether each offer's export list fits into its site's limit, oldest offers first. Replicas of a site offer
 * the same, so the same list for the same service counts once.
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
