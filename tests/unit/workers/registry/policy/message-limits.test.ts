import fc from "fast-check";
import { expect, it } from "vitest";
import {
  MAX_MESSAGE,
  MAX_PORTS,
  type RegistryMessage,
  type VisibleService,
} from "../../../../../protocol/uplink/messages.ts";
import {
  limitIncoming,
  MAX_INCOMING,
  MAX_OFFERS,
  nearestOffers,
  splitServices,
} from "../../../../../workers/registry/policy/message-limits.ts";
import { longDetails } from "../../../../support/edge/export-details.ts";

const id = (kind: string) => `${kind}${"0".repeat(26)}`;

/** A service with the given number of offers, all of the greatest length. */
const longest = (offers: number): VisibleService => ({
  name: "n".repeat(63),
  protocol: "http2",
  port: 65_535,
  offers: Array.from({ length: offers }, () => ({
    site: id("s"),
    siteName: "s".repeat(63),
    boot: id("b"),
    encryption: "hop",
    cost: Number.MAX_SAFE_INTEGER,
  })),
});

it("splitServices keeps the order, loses nothing, and fits every group into a message", () => {
  const services = fc.array(fc.integer({ min: 1, max: MAX_OFFERS }).map(longest), { maxLength: 8 });
  fc.assert(
    fc.property(services, fc.integer({ min: 0, max: 2 * MAX_MESSAGE }), (all, taken) => {
      const groups = splitServices(all, taken);
      expect(groups.flat()).toEqual(all);
      for (const [index, put] of groups.entries()) {
        const message: RegistryMessage = { type: "services", put, gone: [], complete: true };
        const room = MAX_MESSAGE - (index === 0 ? taken : 0);
        if (index > 0 || put.length > 0) expect(JSON.stringify(message).length).toBeLessThanOrEqual(room);
        if (index > 0) expect(put.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 30 },
  );
  expect(splitServices([], 0)).toEqual([[]]);
  expect(splitServices([longest(1), longest(2)], 1000)).toHaveLength(1);
});

/** A service with the given number of offers, with every optional fact at its longest. */
const fullest = (offers: number): VisibleService => {
  const numbers = Array.from({ length: MAX_PORTS }, (_, at) => 65_535 - at);
  const facts = { ports: numbers, down: numbers, kinds: Array.from({ length: 8 }, () => "k".repeat(32)) };
  return {
    ...longest(offers),
    ports: numbers.map((port) => ({ port, protocol: "http2" })),
    balance: "weighted",
    offers: longest(offers).offers.map((offer) => ({ ...offer, ...facts, weight: 1000, rank: 10_000 })),
  };
};

it("nearestOffers and splitServices keep a service with many facts within a message", () => {
  const service = fullest(MAX_OFFERS);
  const offers = nearestOffers(service.offers.map((offer, at) => ({ ...offer, cost: at })));
  expect(offers.length).toBeGreaterThan(100);
  expect(offers.at(-1)?.cost).toBe(offers.length - 1);
  const groups = splitServices([{ ...service, offers }, fullest(3), fullest(50)], 0);
  for (const put of groups) {
    const message: RegistryMessage = { type: "services", put, gone: [], complete: true };
    expect(JSON.stringify(message).length).toBeLessThanOrEqual(MAX_MESSAGE);
  }
});

it("nearestOffers and splitServices count the details of exported services", () => {
  const detailed = (offers: number): VisibleService => ({
    ...longest(offers),
    offers: longest(offers).offers.map((offer) => ({
      ...{ ...offer, cost: 1, export: longDetails(), headless: { of: "h".repeat(63), host: "h".repeat(63) } },
    })),
  });
  const service = detailed(100);
  const offers = nearestOffers(service.offers.map((offer) => ({ ...offer, cost: 1 })));
  expect(offers.length).toBeGreaterThan(25);
  const groups = splitServices([{ ...service, offers }, detailed(3), detailed(30), detailed(1)], 1000);
  expect(groups.flat()).toHaveLength(4);
  for (const put of groups) {
    const message: RegistryMessage = { type: "services", put, gone: [], complete: true };
    expect(JSON.stringify(message).length).toBeLessThanOrEqual(MAX_MESSAGE);
  }
});

it("nearestOffers keeps the nearest of very many offers, in their order", () => {
  const costs = fc.array(fc.integer({ min: 1, max: 5 }), {
    minLength: MAX_OFFERS,
    maxLength: MAX_OFFERS + 200,
  });
  fc.assert(
    fc.property(costs, (list) => {
      const offers = list.map((cost, age) => ({ cost, age }));
      const kept = nearestOffers(offers);
      expect(kept).toEqual(offers.filter((offer) => kept.includes(offer)));
      expect(kept).toHaveLength(MAX_OFFERS);
      const worst = Math.max(...kept.map(({ cost }) => cost));
      expect(offers.filter((offer) => offer.cost < worst && !kept.includes(offer))).toEqual([]);
    }),
    { numRuns: 20 },
  );
});

it("limitIncoming puts links that are up first, and counts the omitted ones", () => {
  const links = Array.from({ length: MAX_INCOMING + 20 }, (_, index) => ({
    id: index,
    state: index % 2 === 0 ? ("up" as const) : ("down" as const),
  }));
  const { incoming, moreIncoming } = limitIncoming(links);
  expect(moreIncoming).toBe(20);
  expect(incoming).toHaveLength(MAX_INCOMING);
  expect(incoming.filter(({ state }) => state === "up")).toHaveLength(links.length / 2);
  expect(limitIncoming(links.slice(0, 3))).toEqual({ incoming: links.slice(0, 3) });
});
