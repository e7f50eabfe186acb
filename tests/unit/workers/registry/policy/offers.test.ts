import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameMatches } from "../../../../../protocol/names.ts";
import { MAX_PORTS } from "../../../../../protocol/uplink/messages.ts";
import {
  byAge,
  type Decision,
  decideChanged,
  decideOffers,
  type OfferInputs,
  type OfferRules,
  type OfferSnapshot,
  type StoredOffer,
} from "../../../../../workers/registry/policy/offers.ts";
import type { PortWish } from "../../../../../workers/registry/policy/service-ports.ts";

const offer = (service: string, site: string, refused: string | null = "service.forbidden"): StoredOffer => ({
  service,
  ports: [{ port: 80, protocol: "tcp" }],
  servicePorts: [80],
  routing: {},
  details: null,
  since: 0,
  encryption: "end-to-end",
  to: null,
  instance: { site, siteName: site, boot: `boot of ${site}` },
  wish: { ports: [80], explicit: false },
  refused,
  downCode: null,
  downSince: null,
});

/** The reasons for refusal alone. */
const refusals = (offers: readonly StoredOffer[], rules: OfferRules) =>
  decideOffers(offers, rules).map(({ refused }) => refused);

const anything = { mayOffer: () => null, services: 100 };

describe("decideOffers", () => {
  it("accepts what the site's patterns allow", () => {
    const mayOffer = (site: string) => (site === "east" ? ["api", "web-*"] : null);
    const offers = [offer("api", "east"), offer("web-1", "east"), offer("db", "east"), offer("db", "west")];
    expect(refusals(offers, { ...anything, mayOffer })).toEqual([null, null, "service.forbidden", null]);
    expect(refusals([offer("api", "east", null)], { ...anything, mayOffer: () => [] })).toEqual([
      "service.forbidden",
    ]);
  });

  it("accepts as many services as the quota allows, oldest first, with any number of offers each", () => {
    const offers = [offer("a", "east"), offer("b", "east"), offer("c", "east"), offer("b", "west")];
    expect(refusals(offers, { ...anything, services: 2 })).toEqual([null, null, "quota.services", null]);
  });

  it("keeps accepted offers when the quota is lowered, and accepts nothing new", () => {
    const offers = [offer("a", "east", null), offer("b", "east", null), offer("c", "east")];
    expect(refusals(offers, { ...anything, services: 1 })).toEqual([null, null, "quota.services"]);
  });

  it("accepts export lists up to the site's limit, counting the same list of two replicas once", () => {
    const list = (first: number) => Array.from({ length: 4000 }, (_, at) => `s${first + at}`);
    const offers = ["a", "b", "c", "d"].map((service, at) => ({ ...offer(service, "east"), to: list(at) }));
    const replicas = offers.flatMap((one) => [
      one,
      { ...one, instance: { ...one.instance, boot: "another boot" } },
    ]);
    const others = [offer("e", "east"), { ...offer("a", "west"), to: list(0) }];
    expect(refusals([...replicas, ...others], anything)).toEqual([
      ...[null, null, null, null],
      ...["quota.exports", "quota.exports", "quota.exports", "quota.exports"],
      ...[null, null],
    ]);
  });

  it("never exceeds the quota or what was accepted before, and never accepts what is forbidden", () => {
    const anyOffer = fc.record({
      service: fc.constantFrom("a", "b", "ab", "c"),
      site: fc.constantFrom("east", "west"),
      refused: fc.constantFrom(null, "quota.services", "service.forbidden"),
    });
    const anyPatterns = fc.option(fc.subarray(["a", "a*", "b", "*"]), { nil: null });
    fc.assert(
      fc.property(
        fc.array(anyOffer, { maxLength: 12 }),
        anyPatterns,
        fc.nat(5),
        (list, patterns, services) => {
          const offers = list.map(({ service, site, refused }) => offer(service, site, refused));
          const rules = { mayOffer: (site: string) => (site === "east" ? patterns : null), services };
          const decisions = refusals(offers, rules);
          const allowed = offers.filter(({ service, instance }) =>
            nameMatches(service, rules.mayOffer(instance.site)),
          );
          const before = new Set(allowed.filter(({ refused }) => refused === null).map((one) => one.service));
          const taken = new Set(
            offers.filter((_, index) => decisions[index] === null).map((one) => one.service),
          );
          expect(taken.size).toBeLessThanOrEqual(Math.max(services, before.size));
          for (const [index, one] of offers.entries()) {
            expect(decisions[index] === "service.forbidden").toBe(!allowed.includes(one));
            if (allowed.includes(one) && one.refused === null) expect(decisions[index]).toBeNull();
            // The quota refuses an offer only if no room is left.
            if (decisions[index] === "quota.services") {
              expect(taken.size).toBeGreaterThanOrEqual(services);
              expect(taken.has(one.service)).toBe(false);
            }
          }
          // Deciding again from these decisions changes nothing.
          const again = offers.map((one, index) => ({ ...one, refused: decisions[index] ?? null }));
          expect(refusals(again, rules)).toEqual(decisions);
        },
      ),
    );
  });
});

describe("the port of a service", () => {
  /** An offer of web: asked for by its site, or proposed only. */
  const web = (site: string, wish: PortWish, accepted: number | null = null): StoredOffer => ({
    ...offer("web", site, accepted === null ? "service.forbidden" : null),
    wish,
    servicePorts: accepted === null ? wish.ports : [accepted],
  });
  const asked = (port: number): PortWish => ({ ports: [port], explicit: true });
  const proposed = (port: number): PortWish => ({ ports: [port], explicit: false });
  const decide = (...offers: StoredOffer[]) =>
    decideOffers(offers, anything).map(({ refused, servicePorts }) => refused ?? servicePorts[0]);
  const CONFLICT = "service.port_conflict";

  it("is that of the first offer, whether it asks for the port or proposes it", () => {
    expect(decide(web("a", proposed(8081)), web("b", proposed(8082)))).toEqual([8081, 8081]);
    expect(decide(web("a", asked(8080)), web("b", proposed(8082)))).toEqual([8080, 8080]);
  });

  it("is that of an accepted offer, however old another is", () => {
    expect(decide(web("a", proposed(8081)), web("b", proposed(8082), 8082))).toEqual([8082, 8082]);
  });

  it("refuses offers that ask for another, and accepts those that ask for the same", () => {
    const first = web("a", proposed(8081), 8081);
    expect(decide(first, web("b", asked(8080)), web("c", asked(8081)))).toEqual([8081, CONFLICT, 8081]);
  });

  it("stays after the offer that set it has left", () => {
    expect(decide(web("b", proposed(8082), 8081), web("c", proposed(8083)))).toEqual([8081, 8081]);
  });

  it("stays when an offer that does not ask for a port proposes another", () => {
    expect(decide(web("a", proposed(9000), 8081))).toEqual([8081]);
  });

  it("changes when the only accepted offer asks for another, also ahead of older refused ones", () => {
    expect(decide(web("a", asked(9000), 8081))).toEqual([9000]);
    expect(decide(web("b", asked(7000)), web("a", asked(9000), 8081))).toEqual([CONFLICT, 9000]);
  });

  it("refuses an accepted offer that asks for another while others have the former", () => {
    expect(decide(web("a", asked(9000), 8081), web("b", proposed(8082), 8081))).toEqual([CONFLICT, 8081]);
  });

  it("changes once every accepted offer asks for another, to that of the oldest", () => {
    const replicas = [web("a", asked(9000), 8081), web("b", asked(9000), 8081), web("c", asked(9001), 8081)];
    expect(decide(...replicas)).toEqual([9000, 9000, CONFLICT]);
  });

  it("is not set by an offer that is refused for another reason", () => {
    const offers = [web("a", asked(1)), web("b", asked(2))];
    const mayOffer = (site: string) => (site === "a" ? [] : null);
    expect(decideOffers(offers, { ...anything, mayOffer })).toEqual([
      { refused: "service.forbidden", servicePorts: [1] },
      { refused: null, servicePorts: [2] },
    ]);
  });

  it("is the same for all accepted offers, and is decided alike again", () => {
    const anyOffer = fc.record({
      site: fc.constantFrom("a", "b", "c"),
      wish: fc.record({ ports: fc.tuple(fc.integer({ min: 1, max: 3 })), explicit: fc.boolean() }),
      accepted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyOffer, { maxLength: 6 }), (list) => {
        const offers = list.map(({ site, wish, accepted }) => web(site, wish, accepted ? 2 : null));
        const decisions = decideOffers(offers, anything);
        const ports = decisions
          .filter(({ refused }) => refused === null)
          .map(({ servicePorts }) => servicePorts[0]);
        expect(new Set(ports).size).toBe(offers.length === 0 ? 0 : 1);
        for (const [index, { wish }] of offers.entries()) {
          const conflicts = wish.explicit && wish.ports[0] !== ports[0];
          expect(decisions[index]?.refused).toBe(conflicts ? CONFLICT : null);
        }
        // An accepted offer that does not ask for another port keeps the port for everybody.
        const holds = offers.some(
          ({ refused, wish }) => refused === null && !(wish.explicit && wish.ports[0] !== 2),
        );
        if (holds) expect(ports[0]).toBe(2);
        const again = offers.map((one, index) => ({ ...one, ...decisions[index] }));
        expect(decideOffers(again, anything)).toEqual(decisions);
      }),
    );
  });
});

describe("the ports of a service", () => {
  const shop = (site: string, ports: number[] | null, had: number[] | null = null): StoredOffer => ({
    ...offer("shop", site, had === null ? "service.forbidden" : null),
    wish: ports === null ? { ports: [7000], explicit: false } : { ports, explicit: true },
    servicePorts: had ?? ports ?? [7000],
  });
  /** The ports after the decision, and the sites whose offers are refused. */
  const decide = (...offers: StoredOffer[]) => {
    const decisions = decideOffers(offers, anything);
    return {
      ports: decisions.find(({ refused }) => refused === null)?.servicePorts,
      refused: offers.flatMap(({ instance }, at) => (decisions[at]?.refused ? [instance.site] : [])),
    };
  };

  it("are those that the first offer asks for, in its order", () => {
    expect(decide(shop("a", [9090, 8080]), shop("b", [8080, 9090]))).toEqual({
      ports: [9090, 8080],
      refused: [],
    });
  });

  it("may be served by sites in part, and the first by a site that asks for none", () => {
    expect(decide(shop("a", [1, 2]), shop("b", [2]), shop("c", null))).toEqual({
      ports: [1, 2],
      refused: [],
    });
  });

  it("grow by the ports of an offer that shares one of them, and keep their order", () => {
    expect(decide(shop("a", [1], [1]), shop("b", [3, 1]), shop("c", [3, 4]))).toEqual({
      ports: [1, 3, 4],
      refused: [],
    });
    expect(decide(shop("a", [1], [1]), shop("c", [3, 4]), shop("b", [3, 1]))).toEqual({
      ports: [1, 3, 4],
      refused: [],
    });
  });

  it("refuse an offer that shares none of them", () => {
    expect(decide(shop("a", [1, 2], [1, 2]), shop("b", [3, 4]))).toEqual({ ports: [1, 2], refused: ["b"] });
  });

  it("lose a port that no accepted offer has any more, and keep the others in their order", () => {
    expect(decide(shop("a", [3, 1], [1, 2, 3]), shop("b", [2]))).toEqual({ ports: [1, 3], refused: ["b"] });
  });

  it("keep the first port while a site is left that asks for none", () => {
    expect(decide(shop("a", [2, 3], [1, 2]), shop("b", null, [1, 2]))).toEqual({
      ports: [1, 2, 3],
      refused: [],
    });
  });

  it("move without an outage, by way of an offer of both the former and the new port", () => {
    const both = decide(shop("a", [1, 2], [1]), shop("b", [1], [1]));
    expect(both).toEqual({ ports: [1, 2], refused: [] });
    expect(decide(shop("a", [1, 2], [1, 2]), shop("b", [2], [1, 2]))).toEqual({ ports: [1, 2], refused: [] });
    expect(decide(shop("a", [2], [1, 2]), shop("b", [2], [1, 2]))).toEqual({ ports: [2], refused: [] });
  });

  it("are no more than a service may have", () => {
    const many = Array.from({ length: MAX_PORTS }, (_, at) => at + 1);
    expect(decide(shop("a", many, many), shop("b", [1, 100])).refused).toEqual(["b"]);
  });
});

describe("decideChanged", () => {
  const SITES = ["east", "west", "south"];

  const undecided: Decision = { refused: null, servicePorts: [] };

  const toSnapshot = (ofSite: ReadonlyMap<string, readonly StoredOffer[]>): OfferSnapshot => {
    const taken = [...ofSite.values()].flat().filter(({ refused }) => refused === null);
    return { ofSite, ofService: Map.groupBy(taken.sort(byAge), ({ service }) => service) };
  };

  const decided = ({ snapshot, patterns }: OfferInputs, services: number): Map<StoredOffer, Decision> => {
    const offers = [...snapshot.ofSite.values()].flat().sort(byAge);
    const decisions = decideOffers(offers, { mayOffer: (site) => patterns.get(site) ?? null, services });
    return new Map(offers.map((one, index) => [one, decisions[index] ?? undecided]));
  };

  const anyPorts = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });
  const anyWish: fc.Arbitrary<PortWish> = fc.oneof(
    anyPorts.map((ports) => ({ ports, explicit: true })),
    anyPorts.map(([port = 1]) => ({ ports: [port], explicit: false })),
  );
  const anyOffers = fc.uniqueArray(
    fc.record({ service: fc.constantFrom("a", "b", "c", "d"), wish: anyWish }),
    { maxLength: 3, selector: ({ service }) => service },
  );
  const anyPatterns = fc.option(fc.subarray(["a", "b", "c*"]), { nil: null });
  const anySite = fc.record({ services: anyOffers, patterns: anyPatterns });
  const anyWorld = fc.record({
    sites: fc.tuple(anySite, anySite, anySite),
    services: fc.integer({ min: 0, max: 5 }),
  });
  const anyChange = fc.record({
    services: fc.integer({ min: 0, max: 5 }),
    sites: fc.tuple(fc.option(anySite), fc.option(anySite), fc.option(anySite)),
  });

  const wishing = ({ service, wish }: { service: string; wish: PortWish }, site: string): StoredOffer => ({
    ...offer(service, site),
    wish,
    servicePorts: wish.ports,
  });

  it("decides about changes as decideOffers decides about everything", () => {
    fc.assert(
      fc.property(anyWorld, anyChange, (world, change) => {
        const patterns = new Map(
          SITES.flatMap((site, at) => {
            const list = world.sites[at]?.patterns ?? null;
            return list === null ? [] : [[site, list] as const];
          }),
        );
        const fresh = (site: string, at: number, since: number) =>
          (world.sites[at]?.services ?? []).map((one) => ({ ...wishing(one, site), since }));
        const first = {
          snapshot: toSnapshot(new Map(SITES.map((site, at) => [site, fresh(site, at, at)]))),
          patterns,
        };
        const decisions = decided(first, world.services);
        const settled = new Map(
          [...first.snapshot.ofSite].map(([site, list]) => [
            site,
            list.map((one) => ({ ...one, ...(decisions.get(one) ?? undecided) })),
          ]),
        );
        const before: OfferInputs = { snapshot: toSnapshot(settled), patterns };

        const ofSite = new Map<string, readonly StoredOffer[]>(settled);
        const nowPatterns = new Map(patterns);
        for (const [at, site] of SITES.entries()) {
          const changed = change.sites[at];
          if (!changed) continue;
          const known = new Map(settled.get(site)?.map((one) => [one.service, one]));
          const list = changed.services.map((one): StoredOffer => {
            const before = known.get(one.service);
            // A new offer, one that stays as it is, or one that now has another wish.
            if (before === undefined) return { ...wishing(one, site), since: 10 };
            if (one.wish.ports[0] === 1) return before;
            const servicePorts = before.refused === null ? before.servicePorts : one.wish.ports;
            return { ...before, wish: one.wish, servicePorts, since: 10 };
          });
          ofSite.set(site, list.sort(byAge));
          if (changed.patterns === null) nowPatterns.delete(site);
          else nowPatterns.set(site, changed.patterns);
        }
        const now: OfferInputs = { snapshot: toSnapshot(ofSite), patterns: nowPatterns };
        const expected = [...decided(now, change.services)].filter(
          ([one, { refused, servicePorts }]) =>
            one.refused !== refused || one.servicePorts.join() !== servicePorts.join(),
        );
        const found = decideChanged(before, now, change.services);
        const inOrder = (list: readonly (readonly [StoredOffer, Decision])[]) =>
          list
            .map(
              ([one, { refused, servicePorts }]) =>
                `${one.instance.site} ${one.service} ${refused} ${servicePorts}`,
            )
            .sort();
        expect(inOrder(found.map(({ offer: one, ...decision }) => [one, decision]))).toEqual(
          inOrder(expected),
        );
      }),
      { numRuns: 500 },
    );
  });
});
