/**
 * Keeps what is told within the length of a message, however many sites, links and services there are. Lengths are
 * upper bounds, not measured: nothing is made into JSON only to be counted. Pure.
 */
import { MAX_MESSAGE, type VisibleService } from "../../../protocol/uplink/messages.ts";

/** How many links of others a site is told of, at the most; of further ones, how many there are. */
export const MAX_INCOMING = 500;

/** How many instances of one service a site is told of, at the most: the nearestOffers ones, the oldest first. */
export const MAX_OFFERS = 1000;

/** Longest JSON of a service without its offers, and of an offer: names have 63 characters at the most. */
const SERVICE = 160;
const OFFER = 240;

/** What is around the services in a message. */
const ENVELOPE = 200;

/**
 * Services in groups that each fit into a message, in their order; at least one group.
 * @param taken characters that the first message needs for other things
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

/** Those of a service's offers that are told, in the order that they have. */
export function nearestOffers<T extends { readonly cost: number }>(offers: readonly T[]): readonly T[] {
  if (offers.length <= MAX_OFFERS) return offers;
  const ranked = [...offers.entries()].sort(
    ([at, left], [after, right]) => left.cost - right.cost || at - after,
  );
  const kept = new Set(ranked.slice(0, MAX_OFFERS).map(([at]) => at));
  return offers.filter((_, at) => kept.has(at));
}

/** Those of a site's incoming links that are told, the ones that are up before all others; and how many are not. */
export function limitIncoming<T extends { readonly state: "up" | "down" }>(
  incoming: readonly T[],
): { incoming: T[]; moreIncoming?: number } {
  const more = incoming.length - MAX_INCOMING;
  if (more <= 0) return { incoming: [...incoming] };
  const up = incoming.filter(({ state }) => state === "up");
  const down = incoming.filter(({ state }) => state !== "up");
  return { incoming: [...up, ...down].slice(0, MAX_INCOMING), moreIncoming: more };
}
