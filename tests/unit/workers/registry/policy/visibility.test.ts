import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServicePort, VisibleService } from "../../../../../protocol/uplink/messages.ts";
import { type Edge, NETWORK_NODE } from "../../../../../workers/registry/policy/link-graph.ts";
import {
  type OfferDetails,
  type OfferRow,
  type Routing,
  Visibility,
} from "../../../../../workers/registry/policy/visibility.ts";
import { VisibilityDiff } from "../../../../../workers/registry/policy/visibility-diff.ts";
import { costRatio } from "../../../../support/clock/cost.ts";
import { exportDetails } from "../../../../support/edge/export-details.ts";
import { allCosts, anyCost, NODES, SITES } from "../graphs.ts";

const offer = (
  service: string,
  site: string,
  boot: string,
  { port = 80, ...parts }: Partial<OfferRow> & { readonly port?: number } = {},
): OfferRow => ({
  service,
  ports: [{ port, protocol: "tcp" }],
  servicePorts: [port],
  routing: {},
  details: null,
  since: 0,
  encryption: "end-to-end",
  to: null,
  instance: { site, siteName: site, boot },
  ...parts,
});

const names = (sites: readonly string[] = SITES) => new Map(sites.map((site) => [site, site]));
const star = (...sites: string[]): Edge[] =>
  sites.map((joiner) => ({ joiner, issuer: NETWORK_NODE, cost: 1 }));
const visibleOffers = (site: string, offers: OfferRow[], edges = star("a", "b"), known = names()) =>
  new Visibility(edges, known, offers).of(site);

describe("a zone", () => {
  it("is shown to connectors that know zones, and to no others", () => {
    const zone = offer("zone-corp-internal-1", "a", "1", { routing: { zone: "corp.internal" } });
    const seenBy = (features: string[]) => new Visibility(star("a", "c"), names(), [zone]).of("c", features);
    expect(seenBy(["zones"])).toMatchObject([
      { name: zone.service, offers: [{ site: "a", zone: "corp.internal" }] },
    ]);
    expect(seenBy(["ports"])).toEqual([]);
    expect(seenBy([])).toEqual([]);
  });
});

describe("the details of an exported service", () => {
  const details = { export: exportDetails(), headless: { of: "apis", host: "api-0" } };
  const told = offer("api", "a", "1", { details });
  const follows = offer("api", "a", "1", { details: { detailsFollow: true } });
  const of = (...offers: OfferRow[]) => new Visibility(star("a", "b", "c"), names(), offers);

  it("are shown to connectors that know them, which see no offer whose details follow", () => {
    const plain = { site: "a", siteName: "a", boot: "1", cost: 2 };
    expect(of(told).of("c", ["exports"])[0]?.offers).toEqual([{ ...plain, ...details }]);
    expect(of(told).of("c", ["ports"])[0]?.offers).toEqual([plain]);
    expect(of(follows).of("c", ["exports"])).toEqual([]);
    expect(of(follows).of("c", ["ports"])[0]?.offers).toEqual([plain]);
  });

  it("are announced to them when nothing else changes, and to nobody else", () => {
    const other = offer("api", "a", "1", {
      details: { export: exportDetails({ sessionAffinity: "ClientIP" }) },
    });
    const diff = new VisibilityDiff(of(told), of(other));
    expect(diff.changeFor("c", ["exports"]).put[0]?.offers).toMatchObject([
      { export: { sessionAffinity: "ClientIP" } },
    ]);
    expect(diff.changeFor("c", ["ports"])).toEqual({ put: [], gone: [] });
    const arrived = new VisibilityDiff(of(follows), of(told));
    expect(arrived.changeFor("c", ["exports"]).put).toHaveLength(1);
    expect(arrived.changeFor("c", ["ports"])).toEqual({ put: [], gone: [] });
  });
});

describe("the visibility of a site", () => {
  it("omits its own offers, and has the cost of each path", () => {
    const offers = [offer("api", "a", "1"), offer("api", "b", "2"), offer("own", "a", "1")];
    expect(visibleOffers("a", offers)).toEqual([
      { name: "api", protocol: "tcp", port: 80, offers: [{ site: "b", siteName: "b", boot: "2", cost: 2 }] },
    ]);
  });

  it("omits what the site cannot reach", () => {
    expect(visibleOffers("a", [offer("api", "c", "3")])).toEqual([]);
  });

  it("takes the protocol of a port from the oldest offer where offers disagree", () => {
    const offers = [
      offer("api", "a", "1", { since: 20, ports: [{ port: 80, protocol: "http" }] }),
      offer("api", "b", "2", { since: 10, ports: [{ port: 80, protocol: "http2" }] }),
    ];
    const [api] = visibleOffers("c", offers, star("a", "b", "c"));
    expect([api?.port, api?.protocol]).toEqual([80, "http2"]);
    expect(api?.offers.map((instance) => instance.site)).toEqual(["b", "a"]);
  });

  it("names the offers that allow hop encryption", () => {
    const offers = [offer("api", "a", "1", { encryption: "hop" }), offer("api", "b", "2")];
    const [api] = visibleOffers("c", offers, star("a", "b", "c"));
    expect(api?.offers.map(({ encryption }) => encryption)).toEqual(["hop", undefined]);
  });
});

describe("an offer that is exported to named sites", () => {
  const edges = star("a", "b", "c");
  const id = `s${"0".repeat(26)}`;

  it("is visible to these sites only, by name or by id", () => {
    const known = names(["a", "b", "c", id]);
    const linked = [...edges, ...star(id)];
    const offers = [offer("api", "a", "1", { to: ["c", id, "nobody-yet"] })];
    const viewers = ["a", "b", "c", id].filter(
      (site) => visibleOffers(site, offers, linked, known).length > 0,
    );
    expect(viewers).toEqual(["c", id]);
  });

  it("is not visible to a site whose name equals another site's id", () => {
    const known = new Map([...names(), ["b", id]]);
    expect(visibleOffers("b", [offer("api", "a", "1", { to: [id] })], edges, known)).toEqual([]);
  });

  it("is visible to no site if the list is empty", () => {
    for (const site of SITES)
      expect(visibleOffers(site, [offer("api", "a", "1", { to: [] })], edges)).toEqual([]);
  });

  it("does not hide other offers of the service", () => {
    const offers = [offer("api", "a", "1", { to: ["c"] }), offer("api", "b", "2", { since: 1 })];
    expect(visibleOffers("c", offers, edges)[0]?.offers.map(({ boot }) => boot)).toEqual(["1", "2"]);
    const [own] = visibleOffers("b", offers, edges);
    expect(own).toBeUndefined();
    const [other] = new Visibility([...edges, ...star("d")], names(), offers).of("d");
    expect([other?.port, other?.offers.map(({ boot }) => boot)]).toEqual([80, ["2"]]);
  });
});

describe("a service with several ports", () => {
  const http = { port: 8080, protocol: "http" } as const;
  const tcp = { port: 9090, protocol: "tcp" } as const;
  const shop = (site: string, boot: string, parts: Partial<OfferRow> = {}) =>
    offer("shop", site, boot, { ports: [http, tcp], servicePorts: [8080, 9090], ...parts });
  const seenBy = (features: string[], ...offers: OfferRow[]) =>
    new Visibility(star("a", "b", "c", "d"), names(), offers).of("c", features)[0];

  it("is shown with all ports that visible offers serve, in the order of the service", () => {
    const shown = seenBy(["ports"], shop("a", "1", { ports: [tcp] }), shop("b", "2", { ports: [tcp, http] }));
    expect(shown).toMatchObject({ port: 8080, protocol: "http", ports: [http, tcp] });
    expect(shown?.offers.map(({ ports }) => ports)).toEqual([[9090], undefined]);
    const part = seenBy(["ports"], shop("a", "1", { ports: [tcp] }));
    expect(part).toMatchObject({ port: 9090, protocol: "tcp", ports: [tcp] });
  });

  it("is shown to a connector without the feature as its first port, at instances whose first port it is", () => {
    const offers = [
      shop("a", "1"),
      shop("b", "2", { ports: [tcp] }),
      shop("d", "3", { ports: [tcp, http] }),
      shop("d", "4", { routing: { down: [8080] } }),
    ];
    const shown = seenBy([], ...offers);
    expect(shown).toMatchObject({ port: 8080, protocol: "http" });
    expect(shown?.ports).toBeUndefined();
    expect(shown?.offers.map(({ boot }) => boot)).toEqual(["1"]);
    expect(seenBy([], shop("b", "2", { ports: [tcp] }))).toBeUndefined();
  });

  it("is shown with the routing of each offer, and the balance of the oldest", () => {
    const routing = { kinds: ["exchange"], weight: 3, rank: 1, down: [9090] };
    const shown = seenBy(
      ["ports"],
      shop("a", "1", { since: 1 }),
      shop("b", "2", { routing: { ...routing, balance: "priority" } }),
    );
    expect(shown?.balance).toBe("priority");
    expect(shown?.offers).toEqual([
      { site: "b", siteName: "b", boot: "2", cost: 2, ...routing },
      { site: "a", siteName: "a", boot: "1", cost: 2 },
    ]);
  });
});

// ---- Any order of changes

interface World {
  edges: (Edge & { id: number })[];
  offers: Map<string, OfferRow>;
  names: Map<string, string>;
  /** Whether services have all {@link PORTS}, or the first. */
  several: boolean;
}

const PORTS: ServicePort[] = [
  { port: 80, protocol: "http" },
  { port: 81, protocol: "tcp" },
];

const step = fc.oneof(
  fc.record({
    kind: fc.constant("link" as const),
    joiner: fc.constantFrom(...SITES),
    issuer: fc.constantFrom(...NODES),
    cost: anyCost,
  }),
  fc.record({ kind: fc.constant("unlink" as const), which: fc.nat(30) }),
  fc.record({
    kind: fc.constant("offer" as const),
    service: fc.constantFrom("x", "y"),
    site: fc.constantFrom(...SITES),
    ports: fc.subarray(PORTS, { minLength: 1 }),
    several: fc.boolean(),
    details: fc.constantFrom<OfferDetails | null>(
      ...[null, { export: exportDetails() }, { detailsFollow: true } as const],
    ),
    routing: fc.constantFrom<Routing>({}, { down: [80] }, { weight: 3, balance: "weighted" }),
    to: fc.option(fc.subarray([...SITES, "new"]), { nil: null }),
  }),
  fc.record({
    kind: fc.constant("withdraw" as const),
    service: fc.constantFrom("x", "y"),
    site: fc.constantFrom(...SITES),
  }),
  fc.record({ kind: fc.constant("rename" as const), site: fc.constantFrom(...SITES) }),
);

function take(world: World, change: typeof step extends fc.Arbitrary<infer T> ? T : never, at: number): void {
  if (change.kind === "link") {
    const { joiner, issuer, cost } = change;
    if (joiner !== issuer) world.edges.push({ joiner, issuer, cost, id: at });
  } else if (change.kind === "unlink") {
    if (world.edges.length > 0) world.edges.splice(change.which % world.edges.length, 1);
  } else if (change.kind === "rename") {
    const taken = world.names.get(change.site) === "new";
    for (const [site, name] of world.names) if (name === "new") world.names.set(site, site);
    if (!taken) world.names.set(change.site, "new");
  } else {
    const { service, site } = change;
    const boot = `boot of ${site}`;
    if (change.kind === "withdraw") world.offers.delete(`${service} ${site}`);
    else {
      const { ports, routing, details, to } = change;
      world.several = change.several;
      const parts = { since: at, ports, routing, details, to };
      world.offers.set(`${service} ${site}`, offer(service, site, boot, parts));
    }
  }
}

const currentVisibility = ({ edges, names: known, offers, several }: World): Visibility => {
  const servicePorts = several ? [80, 81] : [80];
  const named = [...offers.values()].map((row) => {
    const siteName = known.get(row.instance.site) ?? "?";
    const ports = several ? row.ports : PORTS.slice(0, 1);
    return { ...row, ports, servicePorts, instance: { ...row.instance, siteName } };
  });
  return new Visibility([...edges], new Map(known), named);
};

describe("visibility, in any order of links, offers and renames,", () => {
  it("equals a plain evaluation of the same state", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world: World = { edges: [], offers: new Map(), names: names(), several: true };
        for (const [at, change] of steps.entries()) take(world, change, at);
        const visibility = currentVisibility(world);
        const costs = allCosts(world.edges);
        for (const site of SITES) {
          const found = visibility
            .of(site, ["ports"])
            .flatMap(({ name, offers }) => offers.map((seen) => `${name} ${seen.site} ${seen.cost}`));
          const expected = [...world.offers.values()]
            .filter(({ instance, to }) => {
              const own = instance.site === site;
              const named = to === null || to.includes(world.names.get(site) ?? "?");
              return !own && named && Number.isFinite(costs.get(`${site} ${instance.site}`));
            })
            .map(({ service, instance }) => {
              return `${service} ${instance.site} ${costs.get(`${site} ${instance.site}`)}`;
            });
          expect(found.sort()).toEqual(expected.sort());
        }
      }),
    );
  });

  it("equals the sum of the announced changes, which never name anything unseen", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), (rounds) => {
        const world: World = { edges: [], offers: new Map(), names: names(), several: true };
        const known = new Map(SITES.map((site) => [site, new Map<string, VisibleService>()]));
        const featuresOf = (site: string) =>
          site < "b" ? ["ports", "exports"] : site < "d" ? ["ports"] : [];
        let at = 0;
        for (const changes of rounds) {
          const before = currentVisibility(world);
          for (const change of changes) take(world, change, at++);
          const after = currentVisibility(world);
          const diff = new VisibilityDiff(before, after);
          for (const [site, catalogue] of known) {
            const { put, gone } = diff.changeFor(site, featuresOf(site));
            for (const name of gone) expect(catalogue.delete(name)).toBe(true);
            for (const service of put) catalogue.set(service.name, service);
            const fresh = after.of(site, featuresOf(site));
            expect([...catalogue.values()].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(fresh);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("announces nothing to sites for which nothing changed", () => {
    const edges = star("a", "b", "c");
    const before = new Visibility(edges, names(), [offer("api", "a", "1", { to: ["b"] })]);
    const after = new Visibility(edges, names(), [offer("api", "a", "1", { to: ["b"], port: 81 })]);
    const diff = new VisibilityDiff(before, after);
    expect(diff.changeFor("c")).toEqual({ put: [], gone: [] });
    expect(diff.changeFor("b").put).toHaveLength(1);
    expect(diff.isEmpty).toBe(false);
    expect(new VisibilityDiff(after, after).isEmpty).toBe(true);
  });
});

describe("visibility with a thousand sites", () => {
  const sites = Array.from({ length: 1000 }, (_, index) => `s${index}`);
  const known = names(sites);
  const others = sites.map((site) => offer(`of-${site}`, site, `boot of ${site}`));

  it("announces a new service to all of them after one search of the graph", () => {
    const chain = sites.slice(1).map((joiner, index) => ({ joiner, issuer: `s${index}`, cost: 1 }));
    const before = new Visibility(chain, known, others);
    const after = new Visibility(chain, known, [...others, offer("api", "s500", "1", { since: 1 })]);
    const diff = new VisibilityDiff(before, after);
    for (const site of sites) {
      expect(diff.changeFor(site).put).toHaveLength(site === "s500" ? 0 : 1);
    }
    expect(after.linkGraph.searches).toBe(1);
  });

  it("costs as much as is visible after the loss of a site with a service and two links, and grows no faster", () => {
    const lose = (count: number) => () => {
      const some = sites.slice(0, count);
      const edges = some.flatMap((joiner, index) => [
        { joiner, issuer: NETWORK_NODE, cost: 50 },
        { joiner, issuer: `s${(index * 17 + 1) % count}`, cost: 1 + (index % 5) },
      ]);
      const offers = others.slice(0, count);
      const before = new Visibility(edges, known, offers);
      const after = new Visibility(edges.slice(2), known, offers.slice(1));
      const diff = new VisibilityDiff(before, after);
      const gone = some.map((site) => diff.changeFor(site).gone.length);
      expect(gone.filter((lost) => lost === 1).length).toBeGreaterThan(0.99 * count);
    };
    // Four times the sites have sixteen times the visible pairs. A search per pair would cost 64 times as
    // much.
    const bound = 40;
    expect(costRatio(lose(1000), lose(250), { bound })).toBeLessThan(bound);
  });
});
