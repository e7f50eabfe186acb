/** What instances offer: the one place where offers change, with all that follows for those who see them. */
import { ERRORS } from "../../../protocol/errors.ts";
import { type InstanceId, instanceKey, isSameInstance } from "../../../protocol/instance-id.ts";
import type { RefusedOffer } from "../../../protocol/uplink/messages.ts";
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

/** Why offers change. */
export interface Cause {
  /** Who did it; the site that offers unless given. */
  readonly actor?: string;
  readonly code?: string;
  /** Id of the site whose doing it is, as in `EventFacts`; null where it is no site's. The site that offers unless given. */
  readonly owner?: string | null;
  /** Ends the sentence "Service x is offered no more: …". */
  readonly reason: string | ((offer: StoredOffer) => string);
}

/** What {@link reviseOffers} leaves to be told once its transaction is through. */
export interface OfferRevision {
  readonly before: Visibility;
  /** Instances of whose offers others are refused than before. */
  readonly refused: readonly InstanceId[];
}

/** Changes offers, or what they depend on, all or nothing; decides anew which are taken, and tells everybody. */
export function changeOffers(context: Context, cause: Cause, work: () => void): void {
  announceRevision(
    context,
    context.store.transaction(() => reviseOffers(context, cause, work)),
  );
}

/** The same within a transaction of the caller's, who calls {@link announceRevision} after it. */
export function reviseOffers(context: Context, cause: Cause, work: () => void): OfferRevision {
  const { offers, sites } = context.store;
  const before = { snapshot: offers.snapshot(), patterns: sites.patterns() };
  const visibility = currentVisibility(context);
  work();
  decide(context, before);
  const change = changeOf(before.snapshot, offers.snapshot());
  noteServices(context, cause, change);
  noteRefusals(context, cause, change);
  return { before: visibility, refused: changedRefusals(change) };
}

/** @param except an instance that is told its refusals in another way */
export function announceRevision(
  context: Context,
  { before, refused }: OfferRevision,
  except?: InstanceId,
): void {
  announceVisibility(context, before);
  for (const instance of refused) {
    if (except && isSameInstance(instance, except)) continue;
    const uplink = context.uplinks.newestOf(instance);
    if (uplink)
      context.uplinks.send(uplink, { type: "offers.refused", refused: refusedOffers(context, instance) });
  }
}

/** Which of an instance's offers are not taken, and why. */
export function refusedOffers(context: Context, instance: InstanceId): RefusedOffer[] {
  return context.store.offers
    .refusedOf(instance)
    .map(({ name, code }) => ({ name, code, message: ERRORS[code as Refusal].meaning }));
}

/** Decides anew which offers are taken, after a change. */
function decide(context: Context, before: OfferInputs): void {
  const { offers, sites } = context.store;
  const now = { snapshot: offers.snapshot(), patterns: sites.patterns() };
  for (const { offer, refused } of decideChanged(before, now, context.quotas().services)) {
    offers.setRefused(offer.instance, offer.service, refused);
  }
}

/** What a change made of offers, as far as anything changed. Each list has the oldest first. */
interface OfferChange {
  /** Taken offers of the services that changed, before and after. */
  readonly had: ReadonlyMap<string, readonly StoredOffer[]>;
  readonly has: ReadonlyMap<string, readonly StoredOffer[]>;
  /** All offers of the sites that changed, before and after. */
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
  return { had: taken(before), has: taken(after), before: all(before), after: all(after) };
}

const ownerOf = ({ owner }: Cause, { instance }: StoredOffer): string | undefined =>
  owner === undefined ? instance.site : (owner ?? undefined);

/** Services that come and go, and sites that begin to offer what others do, are events. */
function noteServices(context: Context, cause: Cause, { had, has }: OfferChange): void {
  const siteOf = ({ instance }: StoredOffer) => instance.siteName;
  for (const [name, offers] of has) {
    const known = new Set(had.get(name)?.map(({ instance }) => instance.site));
    const others = new Set(had.get(name)?.map(siteOf));
    for (const offer of offers) {
      if (known.has(offer.instance.site)) continue;
      const site = siteOf(offer);
      const facts = { site, actor: cause.actor ?? site, owner: ownerOf(cause, offer) };
      if (known.size === 0) {
        context.event("service.appeared", `Site ${site} offers service ${name}.`, facts);
      } else {
        const text = `Site ${site} begins to offer service ${name}, as ${[...others].join(", ")} already does.`;
        context.event("service.contested", text, facts);
      }
      known.add(offer.instance.site);
      others.add(site);
    }
  }
  for (const [name, offers] of had) {
    const last = offers.at(-1);
    if (has.has(name) || !last) continue;
    const site = siteOf(last);
    const reason = typeof cause.reason === "string" ? cause.reason : cause.reason(last);
    context.event("service.gone", `Service ${name} is offered no more: ${reason}.`, {
      site,
      code: cause.code,
      actor: cause.actor ?? site,
      owner: ownerOf(cause, last),
    });
  }
}

const refusalOf = ({ instance, service, refused }: StoredOffer) => `${instance.site} ${service} ${refused}`;

/** An offer that is refused is an event, once for its site until that changes. */
function noteRefusals(context: Context, cause: Cause, { before, after }: OfferChange): void {
  const known = new Set(before.map(refusalOf));
  for (const offer of after) {
    if (offer.refused === null || known.has(refusalOf(offer))) continue;
    known.add(refusalOf(offer));
    const { siteName: site } = offer.instance;
    const text = `Service ${offer.service} of site ${site} is not taken: ${ERRORS[offer.refused as Refusal].meaning}`;
    context.event("service.refused", text, {
      site,
      code: offer.refused,
      actor: site,
      owner: ownerOf(cause, offer),
    });
  }
}

/** Instances whose refused offers are others than before. */
function changedRefusals({ before, after }: OfferChange): readonly InstanceId[] {
  const said = (offers: readonly StoredOffer[]) => {
    const byInstance = Map.groupBy(
      offers.filter((offer) => offer.refused !== null),
      (offer) => instanceKey(offer.instance),
    );
    return new Map(
      [...byInstance].map(([key, list]) => [
        key,
        list
          .map((offer) => `${offer.service} ${offer.refused}`)
          .sort()
          .join(),
      ]),
    );
  };
  const had = said(before);
  const has = said(after);
  const instances = new Map(
    [...before, ...after]
      .filter(({ refused }) => refused !== null)
      .map(({ instance }) => [instanceKey(instance), instance]),
  );
  return [...instances].filter(([key]) => had.get(key) !== has.get(key)).map(([, instance]) => instance);
}
