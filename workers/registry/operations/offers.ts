/** Changes of offers, and everything that follows from them: decisions, events and announcements. */
import { compareText } from "../../../protocol/compare-text.ts";
import { ERRORS } from "../../../protocol/errors.ts";
import { type InstanceId, instanceKey, isSameInstance } from "../../../protocol/instance-id.ts";
import type { OfferPort, RefusedOffer } from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import {
  byAge,
  changedKeys,
  decideChanged,
  type OfferInputs,
  type OfferSnapshot,
  type Refusal,
  type StoredOffer,
} from "../policy/offers.ts";
import type { Visibility } from "../policy/visibility.ts";
import { announceVisibility, currentVisibility } from "./announcements.ts";
import { noteHealth } from "./offer-health.ts";

/** The cause of a change of offers. */
export interface Cause {
  /** The acting site or operator; by default the offering site. */
  readonly actor?: string;
  readonly code?: string;
  /**
   * Id of the site whose share of the log the events take, as in `EventFacts`; null for no site. By default
   * the offering site.
   */
  readonly owner?: string | null;
  /** Completes the event text "Service x is no longer offered: …". */
  readonly reason: string | ((offer: StoredOffer) => string);
}

/** The effects of {@link reviseOffers} that remain to be announced after its transaction. */
export interface OfferRevision {
  readonly before: Visibility;
  /** Instances whose refused offers, or ports of services, changed. */
  readonly decided: readonly InstanceId[];
}

/**
 * Changes offers, or their preconditions, in one transaction. Decides again which offers are accepted, and
 * announces the result.
 */
export function changeOffers(context: Context, cause: Cause, work: () => void): void {
  announceRevision(
    context,
    context.store.transaction(() => reviseOffers(context, cause, work)),
  );
}

/** Changes offers within the caller's transaction. The caller calls {@link announceRevision} afterwards. */
export function reviseOffers(context: Context, cause: Cause, work: () => void): OfferRevision {
  const { offers, sites } = context.store;
  const before = { snapshot: offers.snapshot(), patterns: sites.patterns() };
  const visibility = currentVisibility(context);
  work();
  decide(context, before);
  const change = changeOf(before.snapshot, offers.snapshot());
  noteServices(context, cause, change);
  noteRefusals(context, cause, change);
  noteHealth(context, change);
  return { before: visibility, decided: instancesToNotify(change) };
}

/** @param except an instance that learns the decisions about its offers by another message */
export function announceRevision(
  context: Context,
  { before, decided }: OfferRevision,
  except?: InstanceId,
): void {
  announceVisibility(context, before);
  for (const instance of decided) {
    if (except && isSameInstance(instance, except)) continue;
    const uplink = context.uplinks.newestOf(instance);
    if (uplink)
      context.uplinks.send(uplink, { type: "offers.refused", ...offerDecisions(context, instance) });
  }
}

/** What an instance must know of the decisions about its offers. */
export interface OfferDecisions {
  readonly refused: RefusedOffer[];
  /** Absent if every service has the port that the instance proposed. */
  readonly ports?: OfferPort[];
}

/** The refused offers of an instance, with the reasons, and the services with another port than it proposed. */
export function offerDecisions({ store }: Context, { site, boot }: InstanceId): OfferDecisions {
  const { ofSite, ofService } = store.offers.snapshot();
  const own = (ofSite.get(site) ?? [])
    .filter(({ instance }) => instance.boot === boot)
    .sort((left, right) => compareText(left.service, right.service));
  const refused = refusalsAmong(own, ofService);
  const ports = own.flatMap((offer): OfferPort[] => {
    const port = otherPort(offer);
    return port === null ? [] : [{ name: offer.service, port }];
  });
  return ports.length === 0 ? { refused } : { refused, ports };
}

/** The refused ones of some offers. */
function refusalsAmong(
  offers: readonly StoredOffer[],
  ofService: OfferSnapshot["ofService"],
): RefusedOffer[] {
  return offers.flatMap(({ service: name, refused: code, wish }): RefusedOffer[] => {
    if (code === null) return [];
    const ports = ofService.get(name)?.[0]?.servicePorts;
    const message =
      code === "service.port_conflict" && ports !== undefined
        ? `Service ${name} has ${portsText(ports)} in this network, and this site asks for ${portsText(wish.ports)}.`
        : ERRORS[code as Refusal].meaning;
    return [{ name, code, message: message.slice(0, 500) }];
  });
}

/** The refused offers of a site, each service once. */
export function refusedOf({ store }: Context, offers: readonly StoredOffer[]): RefusedOffer[] {
  const refused = refusalsAmong(offers, store.offers.snapshot().ofService);
  const first = new Map(refused.toReversed().map((each) => [each.name, each]));
  return [...first.values()].sort((left, right) => compareText(left.name, right.name));
}

/** The port of an accepted offer whose instance proposed another; null if the offer has what it proposed. */
function otherPort({ refused, servicePorts: [port], wish }: StoredOffer): number | null {
  return refused !== null || wish.explicit || port === undefined || port === wish.ports[0] ? null : port;
}

const portsText = (ports: readonly number[]): string =>
  ports.length === 1 ? `port ${ports[0]}` : `ports ${ports.slice(0, -1).join(", ")} and ${ports.at(-1)}`;

/** Decides again which offers are accepted, after a change. */
function decide(context: Context, before: OfferInputs): void {
  const { offers, sites } = context.store;
  const now = { snapshot: offers.snapshot(), patterns: sites.patterns() };
  for (const { offer, ...decision } of decideChanged(before, now, context.quotas().services)) {
    offers.decide(offer.instance, offer.service, decision);
  }
}

/**
 * The effect of a change on offers, limited to services and sites that changed. Lists are ordered oldest
 * first.
 */
interface OfferChange {
  /** Accepted offers of changed services, before and after. */
  readonly acceptedBefore: ReadonlyMap<string, readonly StoredOffer[]>;
  readonly acceptedAfter: ReadonlyMap<string, readonly StoredOffer[]>;
  /** All offers of changed sites, before and after. */
  readonly before: readonly StoredOffer[];
  readonly after: readonly StoredOffer[];
}

function changeOf(before: OfferSnapshot, after: OfferSnapshot): OfferChange {
  const services = changedKeys(before.ofService, after.ofService);
  const sites = changedKeys(before.ofSite, after.ofSite);
  const taken = ({ ofService }: OfferSnapshot) => {
    const lists = [...services]
      .map((service) => ofService.get(service) ?? [])
      .filter((list) => list.length > 0);
    lists.sort(([left], [right]) => (left && right ? byAge(left, right) : 0));
    return new Map(lists.map((list) => [list[0]?.service ?? "", list]));
  };
  const all = ({ ofSite }: OfferSnapshot) => [...sites].flatMap((site) => ofSite.get(site) ?? []).sort(byAge);
  return {
    acceptedBefore: taken(before),
    acceptedAfter: taken(after),
    before: all(before),
    after: all(after),
  };
}

const ownerOf = ({ owner }: Cause, { instance }: StoredOffer): string | undefined =>
  owner === undefined ? instance.site : (owner ?? undefined);

/** Records events for services that appear or end, and for further sites that begin to offer a service. */
function noteServices(context: Context, cause: Cause, { acceptedBefore, acceptedAfter }: OfferChange): void {
  const siteOf = ({ instance }: StoredOffer) => instance.siteName;
  for (const [name, offers] of acceptedAfter) {
    const known = new Set(acceptedBefore.get(name)?.map(({ instance }) => instance.site));
    const others = new Set(acceptedBefore.get(name)?.map(siteOf));
    for (const offer of offers) {
      if (known.has(offer.instance.site)) continue;
      const site = siteOf(offer);
      const facts = { site, actor: cause.actor ?? site, owner: ownerOf(cause, offer) };
      if (known.size === 0) {
        context.event("service.appeared", `Site ${site} offers service ${name}.`, facts);
      } else {
        const text = `Site ${site} also offers service ${name}, already offered by ${[...others].join(", ")}.`;
        const former = acceptedBefore.get(name)?.[0]?.servicePorts ?? [];
        context.event("service.contested", `${text}${aboutPorts(offer, former)}`, facts);
      }
      known.add(offer.instance.site);
      others.add(site);
    }
  }
  for (const [name, offers] of acceptedBefore) {
    const last = offers.at(-1);
    if (acceptedAfter.has(name) || !last) continue;
    const site = siteOf(last);
    const reason = typeof cause.reason === "string" ? cause.reason : cause.reason(last);
    context.event("service.gone", `Service ${name} is no longer offered: ${reason}.`, {
      site,
      code: cause.code,
      actor: cause.actor ?? site,
      owner: ownerOf(cause, last),
    });
  }
}

/** What a further offer means for the ports of its service; empty if nothing. @param former ports of the service */
function aboutPorts(offer: StoredOffer, former: readonly number[]): string {
  const port = otherPort(offer);
  if (port !== null) return ` The service keeps its port ${port}; the site proposed ${offer.wish.ports[0]}.`;
  const added = offer.ports.some((served) => !former.includes(served.port));
  return added ? ` The service has ${portsText(offer.servicePorts)} now.` : "";
}

const refusalOf = ({ instance, service, refused }: StoredOffer) => `${instance.site} ${service} ${refused}`;

/** The reason of a refusal, for the network's operators. */
function reasonOf({ store }: Context, { service, refused, wish }: StoredOffer): string {
  const first = store.offers.snapshot().ofService.get(service)?.[0];
  if (refused !== "service.port_conflict" || first === undefined) return ERRORS[refused as Refusal].meaning;
  return `it asks for ${portsText(wish.ports)}, and site ${first.instance.siteName} offers the service at ${portsText(first.servicePorts)}.`;
}

/** Records an event for each newly refused offer, once per site. */
function noteRefusals(context: Context, cause: Cause, { before, after }: OfferChange): void {
  const known = new Set(before.map(refusalOf));
  for (const offer of after) {
    if (offer.refused === null || known.has(refusalOf(offer))) continue;
    known.add(refusalOf(offer));
    const { siteName: site } = offer.instance;
    const text = `Service ${offer.service} of site ${site} is refused: ${reasonOf(context, offer)}`;
    context.event("service.refused", text, {
      site,
      code: offer.refused,
      actor: site,
      owner: ownerOf(cause, offer),
    });
  }
}

/** Instances whose refused offers, or services with another port than they proposed, changed. */
function instancesToNotify({ before, after }: OfferChange): readonly InstanceId[] {
  const isNotable = (offer: StoredOffer) => offer.refused !== null || otherPort(offer) !== null;
  const decisionsOf = (offers: readonly StoredOffer[]) => {
    const byInstance = Map.groupBy(offers.filter(isNotable), (offer) => instanceKey(offer.instance));
    return new Map(
      [...byInstance].map(([key, list]) => [
        key,
        list
          .map((offer) => `${offer.service} ${offer.refused ?? offer.servicePorts[0]}`)
          .sort()
          .join(),
      ]),
    );
  };
  const decidedBefore = decisionsOf(before);
  const decidedAfter = decisionsOf(after);
  const instances = new Map(
    [...before, ...after].filter(isNotable).map(({ instance }) => [instanceKey(instance), instance]),
  );
  return [...instances]
    .filter(([key]) => decidedBefore.get(key) !== decidedAfter.get(key))
    .map(([, instance]) => instance);
}
