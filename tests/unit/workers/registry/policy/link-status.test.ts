import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NETWORK_NODE } from "../../../../../workers/registry/policy/link-graph.ts";
import {
  isSameStatus,
  type LinkFacts,
  linkStatusOf,
  type SitePresence,
} from "../../../../../workers/registry/policy/link-status.ts";

interface Site {
  up: boolean;
  since: number;
  revoked?: boolean;
  stopped?: boolean;
  proofError?: string;
  rtt?: number;
}

const presence = (sites: Record<string, Site>): SitePresence => ({
  up: (site) => sites[site]?.up ?? false,
  stopped: (site) => sites[site]?.stopped ?? false,
  revoked: (site) => sites[site]?.revoked ?? false,
  since: (site) => sites[site]?.since ?? 0,
  proofError: ({ joiner }) => sites[joiner]?.proofError ?? null,
  rtt: (site) => sites[site]?.rtt ?? null,
});
const link = (parts: Partial<LinkFacts> = {}): LinkFacts => ({
  ...{ id: "l", joiner: "west", issuer: "east", createdAt: 10, revokedAt: null },
  ...parts,
});
const up = (since: number, parts: Partial<Site> = {}): Site => ({ up: true, since, ...parts });
const down = (since: number): Site => ({ up: false, since });

describe("the status of a link", () => {
  it("is up while both ends are up, since the later one came up or the link was made", () => {
    expect(linkStatusOf(link(), presence({ west: up(20), east: up(30) }))).toEqual({
      ...{ state: "up", since: 30, rtt: null },
    });
    expect(linkStatusOf(link(), presence({ west: up(5), east: up(6) }))).toMatchObject({ since: 10 });
  });

  it("depends on the joiner only, for a link of the network", () => {
    const own = link({ issuer: NETWORK_NODE });
    expect(linkStatusOf(own, presence({ west: up(20, { rtt: 7 }) }))).toEqual({
      state: "up",
      since: 20,
      rtt: 7,
    });
  });

  it("is down since its first end went down, and names that end", () => {
    expect(linkStatusOf(link(), presence({ west: up(1), east: down(40) }))).toMatchObject({
      ...{ state: "down", code: "session.peer_offline", since: 40 },
    });
    expect(linkStatusOf(link(), presence({ west: down(50), east: down(40) }))).toMatchObject({
      ...{ state: "down", code: "uplink.lost", since: 40 },
    });
    expect(linkStatusOf(link(), presence({ west: down(1), east: down(1) }))).toMatchObject({ since: 10 });
  });

  it("names a stop where its first end was stopped", () => {
    const stopped = { ...down(40), stopped: true };
    const code = (sites: Record<string, Site>) => linkStatusOf(link(), presence(sites)).code;
    expect(code({ west: stopped, east: up(5) })).toBe("site.stopped");
    expect(code({ west: up(5), east: stopped })).toBe("site.stopped");
    expect(code({ west: down(50), east: stopped })).toBe("uplink.lost");
  });

  it("is down while no certificate proves the link", () => {
    const sites = { west: up(20, { proofError: "certificate.expired" }), east: up(5) };
    expect(linkStatusOf(link(), presence(sites))).toMatchObject({
      state: "down",
      code: "certificate.expired",
      since: 20,
    });
  });

  it("names the revocation of a revoked site, instead of a lost uplink", () => {
    const of = (west: Site) => linkStatusOf(link(), presence({ west, east: up(5) }));
    expect(of(down(40))).toMatchObject({ state: "down", code: "uplink.lost", since: 40 });
    expect(of({ ...down(40), revoked: true })).toMatchObject({
      state: "down",
      code: "site.revoked",
      since: 40,
    });
  });

  it("is down for good after the link was revoked, even while both ends are up", () => {
    const status = linkStatusOf(link({ revokedAt: 60 }), presence({ west: up(70), east: up(70) }));
    expect(status).toEqual({ state: "down", code: "link.revoked", since: 60, rtt: null });
  });

  it("has the sum of both round trips if both are known", () => {
    const both = { west: up(1, { rtt: 20 }), east: up(1, { rtt: 5 }) };
    expect(linkStatusOf(link(), presence(both)).rtt).toBe(25);
    expect(linkStatusOf(link(), presence({ ...both, east: up(1) })).rtt).toBeNull();
    expect(linkStatusOf(link(), presence({ ...both, east: down(1) })).rtt).toBeNull();
  });

  it("is up exactly if nothing prevents it, and never since before the link was made", () => {
    const anySite = fc.record({
      up: fc.boolean(),
      since: fc.nat(100),
      proofError: fc.constantFrom(undefined, "certificate.required"),
    }) as fc.Arbitrary<Site>;
    fc.assert(
      fc.property(anySite, anySite, fc.option(fc.nat(100)), fc.boolean(), (west, east, revokedAt, ofSite) => {
        const facts = link({ revokedAt, issuer: ofSite ? "east" : NETWORK_NODE });
        const { state, since, code } = linkStatusOf(facts, presence({ west, east }));
        const good = west.up && (east.up || !ofSite) && west.proofError === undefined && revokedAt === null;
        expect(state).toBe(good ? "up" : "down");
        expect(code === undefined).toBe(good);
        if (revokedAt === null) expect(since).toBeGreaterThanOrEqual(facts.createdAt);
      }),
    );
  });
});

it("the same status is found whatever the round trip is", () => {
  const one = { state: "up", since: 1, rtt: 5 } as const;
  expect(isSameStatus(one, { ...one, rtt: 9 })).toBe(true);
  expect(isSameStatus(one, { ...one, since: 2 })).toBe(false);
  expect(isSameStatus(one, undefined)).toBe(false);
  expect(isSameStatus(undefined, undefined)).toBe(true);
});
