/**
 * The acceptance of offers, and the ports of services: by what their site may offer, by the length of its
 * export lists, by the network's quota of services, and by the ports that a service has. Pure.
 *
 * A service has the same ports in the whole network (docs/protocol.md, "The ports of a service").
 */

import { compareText } from "../../../protocol/compare-text.ts";
import { compareInstances } from "../../../protocol/instance-id.ts";
import { nameMatches } from "../../../protocol/names.ts";
import { MAX_EXPORTS } from "../../../protocol/uplink/messages.ts";
import { type PortWish, ServicePorts } from "./service-ports.ts";
import type { OfferRow } from "./visibility.ts";

/** An offer as an instance sent it, accepted or not. */
export interface StoredOffer extends OfferRow {
  /** The ports of the service if the offer is accepted; otherwise those of its wish. */
  readonly servicePorts: readonly number[];
  readonly wish: PortWish;
  /** Why the offer is refused; null if it is accepted. */
  readonly refused: string | null;
  /** Why ports of it are down, as its instance says; null if none is, or if it does not say. */
  readonly downCode: string | null;
  /** Since when a port of it is down, ms since 1970; null if none is, or if an earlier version stored it. */
  readonly downSince: number | null;
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
export type Refusal = "service.forbidden" | "quota.exports" | "quota.services" | "service.port_conflict";

/** The decision about an offer. */
export interface Decision {
  /** Why the offer is refused; null if it is accepted. */
  readonly refused: Refusal | null;
  /** The ports of the service if the offer is accepted; otherwise those of its wish. */
  readonly servicePorts: readonly number[];
}

/**
 * Decides all offers, in the order of `offers`. An accepted offer stays accepted while its site may make it
 * and its ports are of the service, whatever the quota is. Then the oldest offers come first. A further offer of an
 * existing service needs no room.
 * @param offers oldest first
 */
export function decideOffers(offers: readonly StoredOffer[], rules: OfferRules): Decision[] {
  return decideTogether(offers, decideBySite(offers, rules), rules.services);
}

/** Decides the offers that `own`, the decisions by the rules of their own sites, has not refused. */
function decideTogether(
  offers: readonly StoredOffer[],
  own: readonly (Refusal | null)[],
  services: number,
): Decision[] {
  const eligible = offers.filter((_, index) => (own[index] ?? null) === null);
  // Services that have accepted offers, then the others, each by their oldest offer.
  const accepted = Map.groupBy(
    eligible.filter(({ refused }) => refused === null),
    ({ service }) => service,
  );
  const others = Map.groupBy(
    eligible.filter(({ refused }) => refused !== null),
    ({ service }) => service,
  );
  const ports = new Map<string, ServicePorts>();
  for (const service of new Set([...accepted.keys(), ...others.keys()])) {
    if (!accepted.has(service) && ports.size >= services) continue;
    ports.set(service, ServicePorts.settle(accepted.get(service) ?? [], others.get(service) ?? []));
  }
  return offers.map((offer, index): Decision => {
    const refuse = (refused: Refusal): Decision => ({ refused, servicePorts: offer.wish.ports });
    const refusal = own[index] ?? null;
    if (refusal !== null) return refuse(refusal);
    const settled = ports.get(offer.service);
    if (settled === undefined) return refuse("quota.services");
    return settled.has(offer.wish)
      ? { refused: null, servicePorts: settled.list }
      : refuse("service.port_conflict");
  });
}

/** Decides offers by the rules of their own sites only, without those that offers of several sites share. */
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
export interface OfferDecision extends Decision {
  readonly offer: StoredOffer;
}

/**
 * The decisions of {@link decideOffers} that change with a change of inputs. While the network has room for
 * every service, a decision depends on the offers of the same site and of the same service only. Then only
 * changed sites, and the services that they offer or offered, are examined.
 * @param services the network's present quota of services
 */
export function decideChanged(before: OfferInputs, now: OfferInputs, services: number): OfferDecision[] {
  const rules = { mayOffer: (site: string) => now.patterns.get(site) ?? null, services };
  const changed = changedSites(before, now);
  const ofChanged = [...changed].flatMap((site) => now.snapshot.ofSite.get(site) ?? []);
  const bySite = decideBySite(ofChanged, rules);
  const others = othersOf(before.snapshot, now.snapshot, changed);
  const candidates = [...ofChanged.filter((_, index) => bySite[index] === null), ...others.ofServices];
  if (others.isQuotaShort || !hasRoom(now.snapshot, candidates, services)) {
    const all = [...now.snapshot.ofSite.values()].flat().sort(byAge);
    return differing(all, decideOffers(all, rules));
  }
  candidates.sort(byAge);
  const bySiteOnly = ofChanged.flatMap((offer, index): OfferDecision[] => {
    const refused = bySite[index] ?? null;
    return refused === null || refused === offer.refused
      ? []
      : [{ offer, refused, servicePorts: offer.wish.ports }];
  });
  return [...bySiteOnly, ...differing(candidates, decideTogether(candidates, [], services))];
}

/** The decisions that differ from what is stored. */
function differing(offers: readonly StoredOffer[], decisions: readonly Decision[]): OfferDecision[] {
  return offers.flatMap((offer, index): OfferDecision[] => {
    const decision = decisions[index];
    if (decision === undefined) return [];
    const isSame =
      offer.refused === decision.refused && offer.servicePorts.join() === decision.servicePorts.join();
    return isSame ? [] : [{ offer, ...decision }];
  });
}

/**
 * The offers of unchanged sites that a change may concern: those of a service that a changed site offers or
 * offered, unless their own site's rules refuse them. And whether an unchanged site waits for the quota.
 */
function othersOf(
  before: OfferSnapshot,
  { ofSite, ofService }: OfferSnapshot,
  changed: ReadonlySet<string>,
): { ofServices: StoredOffer[]; isQuotaShort: boolean } {
  const services = new Set<string>();
  for (const site of changed) {
    for (const { service } of before.ofSite.get(site) ?? []) services.add(service);
    for (const { service } of ofSite.get(site) ?? []) services.add(service);
  }
  const isUnchanged = ({ instance }: StoredOffer) => !changed.has(instance.site);
  const ofServices = [...services].flatMap((service) => (ofService.get(service) ?? []).filter(isUnchanged));
  let isQuotaShort = false;
  for (const [site, offers] of ofSite) {
    if (changed.has(site)) continue;
    for (const offer of offers) {
      if (offer.refused === "quota.services") isQuotaShort = true;
      if (offer.refused === "service.port_conflict" && services.has(offer.service)) ofServices.push(offer);
    }
  }
  return { ofServices, isQuotaShort };
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

/** Whether the network has room for the services of all candidates. */
function hasRoom(
  { ofService }: OfferSnapshot,
  candidates: readonly StoredOffer[],
  services: number,
): boolean {
  const added = new Set(
    candidates.map(({ service }) => service).filter((service) => !ofService.has(service)),
  );
  return ofService.size + added.size <= services;
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
