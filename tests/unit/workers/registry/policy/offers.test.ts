import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameMatches } from "../../../../../protocol/names.ts";
import {
  byAge,
  type Decision,
  decideChanged,
  decideOffers,
  type OfferInputs,
  type OfferRules,
  type OfferSnapshot,
  type PortWish,
  type StoredOffer,
} from "../../../../../workers/registry/policy/offers.ts";

const offer = (service: string, site: string, refused: string | null = "service.forbidden"): StoredOffer => ({
  service,
  protocol: "tcp",
  port: 80,
  since: 0,
  encryption: "end-to-end",
  to: null,
  instance: { site, siteName: site, boot: `boot of ${site}` },
  wish: { port: 80, explicit: false },
  refused,
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
    port: accepted ?? wish.port,
  });
  const asked = (port: number): PortWish => ({ port, explicit: true });
  const proposed = (port: number): PortWish => ({ port, explicit: false });
  const decide = (...offers: StoredOffer[]) =>
    decideOffers(offers, anything).map(({ refused, port }) => refused ?? port);
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
      { refused: "service.forbidden", port: 1 },
      { refused: null, port: 2 },
    ]);
  });

  it("is the same for all accepted offers, and is decided alike again", () => {
    const anyOffer = fc.record({
      site: fc.constantFrom("a", "b", "c"),
      wish: fc.record({ port: fc.integer({ min: 1, max: 3 }), explicit: fc.boolean() }),
      accepted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyOffer, { maxLength: 6 }), (list) => {
        const offers = list.map(({ site, wish, accepted }) => web(site, wish, accepted ? 2 : null));
        const decisions = decideOffers(offers, anything);
        const ports = decisions.filter(({ refused }) => refused === null).map(({ port }) => port);
        expect(new Set(ports).size).toBe(offers.length === 0 ? 0 : 1);
        for (const [index, { wish }] of offers.entries()) {
          const conflicts = wish.explicit && wish.port !== ports[0];
          expect(decisions[index]?.refused).toBe(conflicts ? CONFLICT : null);
        }
        // An accepted offer that does not ask for another port keeps the port for everybody.
        const holds = offers.some(
          ({ refused, wish }) => refused === null && !(wish.explicit && wish.port !== 2),
        );
        if (holds) expect(ports[0]).toBe(2);
        const again = offers.map((one, index) => ({ ...one, ...decisions[index] }));
        expect(decideOffers(again, anything)).toEqual(decisions);
      }),
    );
  });
});

describe("decideChanged", () => {
  const SITES = ["east", "west", "south"];

  const undecided: Decision = { refused: null, port: 0 };

  const toSnapshot = (ofSite: ReadonlyMap<string, readonly StoredOffer[]>): OfferSnapshot => {
    const taken = [...ofSite.values()].flat().filter(({ refused }) => refused === null);
    return { ofSite, ofService: Map.groupBy(taken.sort(byAge), ({ service }) => service) };
  };

  const decided = ({ snapshot, patterns }: OfferInputs, services: number): Map<StoredOffer, Decision> => {
    const offers = [...snapshot.ofSite.values()].flat().sort(byAge);
    const decisions = decideOffers(offers, { mayOffer: (site) => patterns.get(site) ?? null, services });
    return new Map(offers.map((one, index) => [one, decisions[index] ?? undecided]));
  };

  const anyWish = fc.record({ port: fc.integer({ min: 1, max: 3 }), explicit: fc.boolean() });
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
    port: wish.port,
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
            if (one.wish.port === 1) return before;
            const port = before.refused === null ? before.port : one.wish.port;
            return { ...before, wish: one.wish, port, since: 10 };
          });
          ofSite.set(site, list.sort(byAge));
          if (changed.patterns === null) nowPatterns.delete(site);
          else nowPatterns.set(site, changed.patterns);
        }
        const now: OfferInputs = { snapshot: toSnapshot(ofSite), patterns: nowPatterns };
        const expected = [...decided(now, change.services)].filter(
          ([one, { refused, port }]) => one.refused !== refused || one.port !== port,
        );
        const found = decideChanged(before, now, change.services);
        const inOrder = (list: readonly (readonly [StoredOffer, Decision])[]) =>
          list
            .map(([one, { refused, port }]) => `${one.instance.site} ${one.service} ${refused} ${port}`)
            .sort();
        expect(inOrder(found.map(({ offer: one, ...decision }) => [one, decision]))).toEqual(
          inOrder(expected),
        );
      }),
      { numRuns: 500 },
    );
  });
});
