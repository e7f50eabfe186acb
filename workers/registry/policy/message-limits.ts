/**
 * Limits that keep notices within the maximum message length, whatever the number of sites, links and
 * services. Lengths are upper bounds, so nothing but details is serialised only to be measured. Pure.
 */
import {
  MAX_MESSAGE,
  MAX_PORTS,
  type VisibleOffer,
  type VisibleService,
} from "../../../protocol/uplink/messages.ts";

/** Most incoming links in a notice. Of further ones, only the number is sent. */
export const MAX_INCOMING = 500;

/** Most instances of one service in a notice: the nearest, oldest first. */
export const MAX_OFFERS = 1000;

/**
 * Longest JSON of a service without offers and ports, and of an offer without the optional facts below, characters.
 * Names have at most 63 characters.
 */
const SERVICE = 190;
const OFFER = 200;

/** Longest JSON of a port with its protocol, of a port's number, and around a field, characters. */
const PORT = 40;
const NUMBER = 6;
const FIELD = 20;

/** Longest JSON of a kind: its name has at most 32 characters. */
const KIND = 35;

/** The optional facts of an offer in a notice. */
type OfferFacts = Pick<VisibleOffer, "ports" | "kinds" | "down" | "weight" | "rank" | "export" | "headless">;

/** Lengths of details as JSON. They are the same objects in all messages until they change. */
const lengths = new WeakMap<object, number>();

/** The length of a field with details. */
function lengthOfDetails(details: object | undefined): number {
  if (details === undefined) return 0;
  const length = lengths.get(details) ?? JSON.stringify(details).length;
  lengths.set(details, length);
  return FIELD + length;
}

function lengthOfOffer({ ports, kinds, down, weight, rank, export: exported, headless }: OfferFacts): number {
  const listed = (entries: readonly unknown[] | undefined, each: number) =>
    entries === undefined ? 0 : FIELD + each * entries.length;
  const numbers = (weight === undefined ? 0 : FIELD) + (rank === undefined ? 0 : FIELD);
  const details = lengthOfDetails(exported) + lengthOfDetails(headless);
  return OFFER + listed(ports, NUMBER) + listed(kinds, KIND) + listed(down, NUMBER) + numbers + details;
}

function lengthOfService({ ports, offers }: VisibleService): number {
  const listed = SERVICE + (ports === undefined ? 0 : FIELD + PORT * ports.length);
  return offers.reduce((sum, offer) => sum + lengthOfOffer(offer), listed);
}

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
    const length = lengthOfService(service);
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

/** Longest JSON of the offers of a service, so that each service fits into a message of its own. */
const MAX_OFFERS_LENGTH = MAX_MESSAGE - ENVELOPE - SERVICE - FIELD - PORT * MAX_PORTS;

/**
 * The nearest offers of a service, in their given order: {@link MAX_OFFERS}, or as many as fit into one message.
 */
export function nearestOffers<T extends OfferFacts & { readonly cost: number }>(offers: readonly T[]): T[] {
  let room = MAX_OFFERS_LENGTH;
  for (const offer of offers) room -= lengthOfOffer(offer);
  if (offers.length <= MAX_OFFERS && room >= 0) return [...offers];
  const ranked = [...offers.entries()].sort(
    ([at, left], [after, right]) => left.cost - right.cost || at - after,
  );
  const kept = new Set<number>();
  room = MAX_OFFERS_LENGTH;
  for (const [at, offer] of ranked) {
    room -= lengthOfOffer(offer);
    if (room < 0 || kept.size === MAX_OFFERS) break;
    kept.add(at);
  }
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
