import { describe, expect, it } from "vitest";
import type { Link } from "../../../../../protocol/api/links.ts";
import type { Site } from "../../../../../protocol/api/sites.ts";
import {
  EDGE,
  linksOf,
  OTHER_SITES,
  prefixOf,
  siteGraph,
} from "../../../../../workers/console/app/topology/site-graph.ts";

const AT = "2026-11-01T00:00:00Z";

const site = (name: string, rest: Partial<Site> = {}): Site => ({
  id: `s-${name}`,
  name,
  state: "up",
  since: AT,
  createdAt: AT,
  certificateExpiresAt: null,
  mayOffer: null,
  instances: [],
  services: [],
  listeners: [],
  ...rest,
});

const link = (joiner: string, issuer: string, rest: Partial<Link> = {}): Link => ({
  id: `l-${joiner}-${issuer}`,
  name: `${joiner}-${issuer}`,
  joiner,
  issuer,
  cost: 1,
  state: "up",
  since: AT,
  rtt: 12,
  createdAt: AT,
  ...rest,
});

describe("the graph of sites", () => {
  it("has links between ids, and the edge as the end of the network's own links", () => {
    const { links } = siteGraph({
      sites: [site("west"), site("east")],
      links: [link("west", "network"), link("east", "west")],
    });
    expect(links).toMatchObject([
      { joiner: "s-east", issuer: "s-west" },
      { joiner: "s-west", issuer: EDGE },
    ]);
  });

  it("leaves out revoked sites and their links", () => {
    const graph = siteGraph({
      sites: [site("west"), site("east", { state: "revoked" })],
      links: [link("west", "network", { code: "link.revoked", state: "down" }), link("west", "east")],
    });
    expect(graph).toMatchObject({ sites: [{ name: "west" }], links: [] });
  });

  it("shows a site that counts as up and was not heard as silent, and no site that is down", () => {
    const { sites } = siteGraph(
      { sites: [site("a"), site("b"), site("c", { state: "down" })], links: [] },
      new Map([
        ["s-a", "2026-11-01T00:10:00Z"],
        ["s-c", "2026-11-01T00:10:00Z"],
      ]),
    );
    expect(sites.map(({ state, since }) => [state, since])).toEqual([
      ["silent", "2026-11-01T00:10:00Z"],
      ["up", AT],
      ["down", AT],
    ]);
  });

  it("groups sites by their hub, then by the first part of their names", () => {
    const names = ["hub", "x1", "x2", "y", "oslo-1", "oslo-2", "oslo-3", "alone"];
    const { sites } = siteGraph({
      sites: names.map((name) => site(name)),
      links: ["x1", "x2", "y"].map((name) => link(name, "hub")),
    });
    expect(sites.map(({ name, group }) => [name, group])).toEqual([
      ["hub", "hub"],
      ["x1", "hub"],
      ["x2", "hub"],
      ["y", "hub"],
      ["oslo-1", "oslo"],
      ["oslo-2", "oslo"],
      ["oslo-3", "oslo"],
      ["alone", OTHER_SITES],
    ]);
  });

  it("finds the links of a site at either end", () => {
    const graph = siteGraph({ sites: [site("a"), site("b")], links: [link("a", "b"), link("b", "network")] });
    expect(linksOf(graph, "s-b")).toHaveLength(2);
    expect(linksOf(graph, "s-a")).toHaveLength(1);
  });
});

describe("the first part of a name", () => {
  it.each([
    ["paris-shop-12", "paris"],
    ["store12", "store"],
    ["42", "42"],
    ["edge_1", "edge"],
  ])("of %s is %s", (name, prefix) => {
    expect(prefixOf(name)).toBe(prefix);
  });
});
