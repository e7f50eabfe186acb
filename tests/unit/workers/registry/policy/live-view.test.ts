import { describe, expect, it } from "vitest";
import type { NetworkStatus } from "../../../../../protocol/api/status.ts";
import { LiveChanges } from "../../../../../workers/registry/policy/live-changes.ts";
import { type Described, LiveView } from "../../../../../workers/registry/policy/live-view.ts";

const since = "2026-11-26T11:00:00.000Z";
const site = (name: string, state: "up" | "down" = "up"): NetworkStatus["sites"][number] => ({
  id: `s-${name}`,
  name,
  state,
  since,
  createdAt: since,
  certificateExpiresAt: null,
  mayOffer: null,
  instances: [],
  services: [],
  listeners: [],
});
const link = (joiner: string, issuer: string): NetworkStatus["links"][number] => ({
  ...{
    id: `l-${joiner}`,
    name: joiner,
    joiner,
    issuer,
    cost: 1,
    state: "up",
    since,
    rtt: null,
    createdAt: since,
  },
});
const service = (name: string, ...sites: string[]): NetworkStatus["services"][number] => ({
  ...{ name, protocol: "tcp", port: 80 },
  sites: sites.map((each) => ({ name: each, state: "up" })),
});

const status = (): NetworkStatus => ({
  network: { id: "n", name: "shop", createdAt: since },
  sites: [site("east"), site("west")],
  links: [link("east", "network"), link("west", "east")],
  services: [service("api", "east"), service("db", "west")],
});

const described = (changes: Partial<Described>): Described => ({
  sites: new Map(),
  links: new Map(),
  services: new Map(),
  ...changes,
});

describe("a live view", () => {
  it("finds the entries that differ, and takes them up", () => {
    const view = new LiveView(status());
    const down = site("east", "down");
    const sites = new Map([
      ["s-east", down],
      ["s-west", site("west")],
      ["s-north", site("north")],
    ]);
    expect(view.apply(described({ sites }))).toEqual({ sites: { put: [down, site("north")], gone: [] } });
    expect(view.status.sites.map(({ name, state }) => [name, state])).toEqual([
      ["east", "down"],
      ["west", "up"],
      ["north", "up"],
    ]);
    expect(view.apply(described({ sites }))).toBeNull();
  });

  it("finds entries that are gone, and ignores those that it never had", () => {
    const view = new LiveView(status());
    const gone = described({
      links: new Map([
        ["l-east", null],
        ["l-north", null],
      ]),
      services: new Map([["db", null]]),
    });
    expect(view.apply(gone)).toEqual({
      links: { put: [], gone: ["l-east"] },
      services: { put: [], gone: ["db"] },
    });
  });

  it("finds a new name of the network", () => {
    const network = { ...status().network, name: "store" };
    expect(new LiveView(status()).apply(described({ network }))).toEqual({ network });
  });

  it("compares a description of everything", () => {
    const view = new LiveView(status());
    expect(view.replaceAll(status())).toBeNull();
    const { links, services, ...rest } = status();
    expect(view.replaceAll({ ...rest, links: links.slice(1), services })).toEqual({
      links: { put: [], gone: ["l-east"] },
    });
  });

  it("names the links and services that sites have in it", () => {
    const view = new LiveView(status());
    expect(view.linksOf(new Set(["s-east"]))).toEqual(["l-east", "l-west"]);
    expect(view.linksOf(new Set(["s-west"]))).toEqual(["l-west"]);
    expect(view.servicesOf(new Set(["s-west", "s-unknown"]))).toEqual(["db"]);
  });
});

describe("live changes", () => {
  it("are taken once", () => {
    const changes = new LiveChanges();
    changes.site("a");
    changes.site("b");
    changes.site("a");
    changes.folded(7);
    expect(changes.take()).toEqual({ sites: new Set(["a", "b"]), folded: [7] });
    expect(changes.take()).toEqual({ sites: new Set(), folded: [] });
  });

  it("concern every site when one is not named, and when there are many", () => {
    const changes = new LiveChanges();
    changes.site("a");
    changes.site(null);
    expect(changes.take().sites).toBeNull();
    for (let at = 0; at < 600; at++) changes.site(String(at));
    expect(changes.take().sites).toBeNull();
  });
});
