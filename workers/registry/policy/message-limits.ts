/**
 * Limits that keep notices within the maximum message length, whatever the number of sites, links and
 * services. Lengths are upper bounds, so nothing is serialised only to be measured. Pure.
 */
import { MAX_MESSAGE, type VisibleService } from "../../../protocol/uplink/messages.ts";

/** Most incoming links in a notice. Of further ones, only the number is sent. */
export const MAX_INCOMING = 500;

/** Most instances of one service in a notice: the nearest, oldest first. */
export const MAX_OFFERS = 1000;

/**
 * Longest JSON of a service without offers, and of one offer, characters. Names have at most 63 characters.
 */
const SERVICE = 160;
const OFFER = 240;

/** Longest JSON around the services of a message, characters. */
const ENVELOPE = 200;

/**
 * Splits services into groups that each fit into a message, in order. Returns at least one group.
 * @param taken characters of the first message that are needed otherwise
 */
export function splitServices(services: readonly VisibleService[], taken: number): VisibleService[][] {
  const first: VisibleService[] = [];
  const groups = [first];
  let group = first;
  let room = MAX_MESSAGE - ENVELOPE - taken;
  for (const service of services) {
    const length = SERVICE + OFFER * service.offers.length;
    if (length > room) {
      room = MAX_MESSAGE - ENVELOPE;
      group = [];
      groups.push(group);
    }
    group.push(service);
    room -= length;
  }
  return groups;
}

/** The nearest {@link MAX_OFFERS} offers of a service, in their given order. */
export function nearestOffers<T extends { readonly cost: number }>(offers: readonly T[]): readonly T[] {
  if (offers.length <= MAX_OFFERS) return offers;
  const ranked = [...offers.entries()].sort(
    ([at, left], [after, right]) => left.cost - right.cost || at - after,
  );
  const kept = new Set(ranked.slice(0, MAX_OFFERS).map(([at]) => at));
  return offers.filter((_, at) => kept.has(at));
}

/**
 * The incoming links of a site up to the limit, and the number of omitted ones. Links that are up come first.
 */
export function limitIncoming<T extends { readonly state: "up" | "down" }>(
  incoming: readonly T[],
): { incoming: T[]; moreIncoming?: number } {
  const more = incoming.length - MAX_INCOMING;
  if (more <= 0) return { incoming: [...incoming] };
  const up = incoming.filter(({ state }) => state === "up");
  const down = incoming.filter(({ state }) => state !== "up");
  return { incoming: [...up, ...down].slice(0, MAX_INCOMING), moreIncoming: more };
}
