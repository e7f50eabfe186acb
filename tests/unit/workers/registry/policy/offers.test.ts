import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameMatches } from "../../../../../protocol/names.ts";
import {
  byAge,
  decideChanged,
  decideOffers,
  type OfferInputs,
  type OfferSnapshot,
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
  refused,
});
const anything = { mayOffer: () => null, services: 100 };

describe("decideOffers", () => {
  it("accepts what the site's patterns allow", () => {
    const mayOffer = (site: string) => (site === "east" ? ["api", "web-*"] : null);
    const offers = [offer("api", "east"), offer("web-1", "east"), offer("db", "east"), offer("db", "west")];
    expect(decideOffers(offers, { ...anything, mayOffer })).toEqual([null, null, "service.forbidden", null]);
    expect(decideOffers([offer("api", "east", null)], { ...anything, mayOffer: () => [] })).toEqual([
      "service.forbidden",
    ]);
  });

  it("accepts as many services as the quota allows, oldest first, with any number of offers each", () => {
    const offers = [offer("a", "east"), offer("b", "east"), offer("c", "east"), offer("b", "west")];
    expect(decideOffers(offers, { ...anything, services: 2 })).toEqual([null, null, "quota.services", null]);
  });

  it("keeps accepted offers when the quota is lowered, and accepts nothing new", () => {
    const offers = [offer("a", "east", null), offer("b", "east", null), offer("c", "east")];
    expect(decideOffers(offers, { ...anything, services: 1 })).toEqual([null, null, "quota.services"]);
  });

  it("accepts export lists up to the site's limit, counting the same list of two replicas once", () => {
    const list = (first: number) => Array.from({ length: 4000 }, (_, at) => `s${first + at}`);
    const offers = ["a", "b", "c", "d"].map((service, at) => ({ ...offer(service, "east"), to: list(at) }));
    const replicas = offers.flatMap((one) => [
      one,
      { ...one, instance: { ...one.instance, boot: "another boot" } },
    ]);
    const others = [offer("e", "east"), { ...offer("a", "west"), to: list(0) }];
    expect(decideOffers([...replicas, ...others], anything)).toEqual([
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
          const decisions = decideOffers(offers, rules);
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
          expect(decideOffers(again, rules)).toEqual(decisions);
        },
      ),
    );
  });
});

describe("decideChanged", () => {
  const SITES = ["east", "west", "south"];

  const toSnapshot = (ofSite: ReadonlyMap<string, readonly StoredOffer[]>): OfferSnapshot => {
    const taken = [...ofSite.values()].flat().filter(({ refused }) => refused === null);
    return { ofSite, ofService: Map.groupBy(taken.sort(byAge), ({ service }) => service) };
  };

  const decided = (
    { snapshot, patterns }: OfferInputs,
    services: number,
  ): Map<StoredOffer, string | null> => {
    const offers = [...snapshot.ofSite.values()].flat().sort(byAge);
    const decisions = decideOffers(offers, { mayOffer: (site) => patterns.get(site) ?? null, services });
    return new Map(offers.map((one, index) => [one, decisions[index] ?? null]));
  };

  const anyOffers = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 });
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
          (world.sites[at]?.services ?? []).map((service) => ({ ...offer(service, site), since }));
        const first = {
          snapshot: toSnapshot(new Map(SITES.map((site, at) => [site, fresh(site, at, at)]))),
          patterns,
        };
        const decisions = decided(first, world.services);
        const settled = new Map(
          [...first.snapshot.ofSite].map(([site, list]) => [
            site,
            list.map((one) => ({ ...one, refused: decisions.get(one) ?? null })),
          ]),
        );
        const before: OfferInputs = { snapshot: toSnapshot(settled), patterns };

        const ofSite = new Map<string, readonly StoredOffer[]>(settled);
        const nowPatterns = new Map(patterns);
        for (const [at, site] of SITES.entries()) {
          const changed = change.sites[at];
          if (!changed) continue;
          const known = new Map(settled.get(site)?.map((one) => [one.service, one]));
          const list = changed.services.map(
            (service) => known.get(service) ?? { ...offer(service, site), since: 10 },
          );
          ofSite.set(site, list.sort(byAge));
          if (changed.patterns === null) nowPatterns.delete(site);
          else nowPatterns.set(site, changed.patterns);
        }
        const now: OfferInputs = { snapshot: toSnapshot(ofSite), patterns: nowPatterns };
        const expected = [...decided(now, change.services)].filter(
          ([one, refused]) => one.refused !== refused,
        );
        const found = decideChanged(before, now, change.services);
        const inOrder = (list: readonly (readonly [StoredOffer, string | null])[]) =>
          list.map(([one, refused]) => `${one.instance.site} ${one.service} ${refused}`).sort();
        expect(inOrder(found.map(({ offer: one, refused }) => [one, refused]))).toEqual(inOrder(expected));
      }),
      { numRuns: 500 },
    );
  });
});
