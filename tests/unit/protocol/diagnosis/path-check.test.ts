import { describe, expect, it } from "vitest";
import type { NetworkStatus } from "../../../../protocol/api/status.ts";
import type { Traffic, TrafficGroup } from "../../../../protocol/api/traffic.ts";
import { checkPath, type PathCheckOptions } from "../../../../protocol/diagnosis/path-check.ts";
import { down, LATER, link, network, SINCE, service, site } from "./example-network.ts";
import { trafficGroup, traffic as trafficOf } from "./example-traffic.ts";

const listening = { service: "api", address: "127.0.0.1:80", state: "listening" } as const;
const east = site("east", { services: ["api"] });
const west = site("west", { listeners: [listening] });
const revoked = { state: "down", code: "link.revoked", since: LATER } as const;

/** Traffic from west to api in one step. */
const traffic = (point: TrafficGroup["points"][number]): Traffic =>
  trafficOf(trafficGroup({ points: [point] }));

interface Case {
  readonly what: string;
  readonly status?: NetworkStatus;
  readonly from?: string;
  readonly service?: string;
  readonly options?: PathCheckOptions;
  /** The step that is broken, its code, and since when. */
  readonly cause: readonly [id: string, code: string | undefined, since?: string];
  readonly detail: RegExp;
  readonly command?: string;
  readonly at?: string;
}

const CASES: readonly Case[] = [
  {
    what: "a site that does not exist",
    from: "wset",
    cause: ["site", "site.unknown"],
    detail: /no site wset in the network\. Did you mean west\?/,
    command: "fairlead site list",
  },
  {
    what: "a site that was revoked",
    status: network({ sites: [east, site("west", { ...down, state: "revoked" })] }),
    cause: ["site", "site.revoked", LATER],
    detail: /revoked/,
  },
  {
    what: "a site that has not joined",
    status: network({ sites: [east, site("west", { state: "new", instances: [] })] }),
    cause: ["site", "site.not_joined", SINCE],
    detail: /no connector has joined/,
    command: "fairlead site create west -o west.yaml",
  },
  {
    what: "a client's site that is down",
    status: network({ sites: [east, { ...west, ...down }] }),
    cause: ["uplink", "uplink.lost", LATER],
    detail: /lost the connection to the last connector of site west/,
    command: "fairlead doctor",
    at: "west",
  },
  {
    what: "a client's site that is stopped",
    status: network({ sites: [east, { ...west, ...down, stopped: true }] }),
    cause: ["uplink", "site.stopped", LATER],
    detail: /last connector of site west was stopped/,
    command: "fairlead connector run",
    at: "west",
  },
  {
    what: "a service that no site offers",
    service: "apl",
    cause: ["offer", "service.unknown"],
    detail: /Did you mean api\?/,
    command: "fairlead service list",
  },
  {
    what: "a service whose only offer is refused",
    status: network({
      sites: [
        site("east", { refused: [{ name: "db", code: "service.forbidden", message: "Not allowed." }] }),
        west,
      ],
    }),
    service: "db",
    cause: ["offer", "service.forbidden"],
    detail: /offer of site east is refused: Not allowed/,
  },
  {
    what: "a port that the service does not have",
    options: { port: 443 },
    cause: ["offer", "service.unknown_port"],
    detail: /has port 80, and not 443/,
    command: "fairlead service list",
  },
  {
    what: "a service that is exported to other sites",
    status: network({ services: [service("api", { name: "east", state: "up", to: ["north"] })] }),
    cause: ["export", "service.not_exported"],
    detail: /Site east exports it to north\./,
    command: "fairlead service status",
    at: "east",
  },
  {
    what: "sites that no link connects",
    status: network({ links: [link("west")] }),
    cause: ["links", "session.forbidden"],
    detail: /No link leads from site west to east\.$/,
    command: "fairlead token create -o token.yaml",
  },
  {
    what: "a link that was revoked",
    status: network({ links: [link("east", "west", revoked)] }),
    cause: ["links", "session.forbidden", LATER],
    detail: /Link east-to-west from east to west was revoked\.$/,
    command: "fairlead token create -o token.yaml",
  },
  {
    what: "an offering site that is down",
    status: network({
      sites: [{ ...east, ...down }, west],
      services: [service("api", { name: "east", state: "down" })],
    }),
    cause: ["peer", "uplink.lost", LATER],
    detail: /connector of site east/,
    command: "fairlead doctor",
    at: "east",
  },
  {
    what: "several offering sites that are down",
    status: network({
      sites: [{ ...east, ...down }, site("north", { ...down, since: SINCE }), west],
      links: [link("east"), link("north"), link("west")],
      services: [service("api", { name: "east", state: "down" }, { name: "north", state: "down" })],
    }),
    cause: ["peer", "service.unavailable", LATER],
    detail: /east and north are down/,
    command: "fairlead site status east",
  },
  {
    what: "targets that are down, with the reason",
    status: network({
      services: [
        service("api", {
          name: "east",
          state: "up",
          down: [80],
          downCode: "service.refused",
          downSince: LATER,
        }),
      ],
    }),
    cause: ["target", "service.refused", LATER],
    detail: /At site east: The service's target refused the connection\./,
    command: "fairlead service status",
    at: "east",
  },
  {
    what: "targets that are down at the only site that the client reaches",
    status: network({
      sites: [east, site("north"), west],
      links: [link("east", "west")],
      services: [service("api", { name: "east", state: "up", down: [80] }, { name: "north", state: "up" })],
    }),
    cause: ["target", "service.unhealthy"],
    detail: /At site east/,
    command: "fairlead service status",
    at: "east",
  },
  {
    what: "a listener that failed",
    status: network({
      sites: [
        east,
        site("west", {
          listeners: [
            { ...listening, state: "failed", code: "listener.port_taken", message: "In use.", since: LATER },
          ],
        }),
      ],
    }),
    cause: ["listener", "listener.port_taken", LATER],
    detail: /In use\./,
    command: "fairlead service status",
    at: "west",
  },
  {
    what: "a site without a listener",
    status: network({ sites: [east, site("west")] }),
    cause: ["listener", "listener.missing"],
    detail: /no listener/,
    command: "fairlead service status",
    at: "west",
  },
  {
    what: "hop encryption that the client's site does not allow",
    status: network({
      sites: [east, site("west")],
      services: [service("api", { name: "east", state: "up", encryption: "hop" })],
    }),
    cause: ["listener", "service.hop_not_allowed"],
    detail: /hop encryption/,
    command: "fairlead service status",
    at: "west",
  },
  {
    what: "connections that all failed",
    options: { traffic: traffic({ opened: 3, closed: 3, failed: 3 }) },
    cause: ["traffic", "service.failing", "2026-11-26T11:45:00.000Z"],
    detail: /In the last 15 minutes, 3 of 3 connections failed\./,
    command: 'fairlead flows "service:api outcome:failed" --from-site west',
  },
];

const check = ({ status = network(), from = "west", service: name = "api", options = {} }: Partial<Case>) =>
  checkPath(status, from, name, options);

describe("checkPath", () => {
  it.each(CASES)("finds $what", (each) => {
    const { cause, steps } = check(each);
    const [id, code, since] = each.cause;
    expect([cause?.id, cause?.code, cause?.since]).toEqual([id, code, since]);
    expect(cause?.detail).toMatch(each.detail);
    expect([cause?.command, cause?.at]).toEqual([each.command, each.at]);
    expect(cause?.action).toMatch(/\.$/);
    const at = steps.findIndex(({ state }) => state === "broken");
    expect(steps.filter(({ state }) => state === "broken")).toHaveLength(1);
    expect(steps.slice(0, at).every(({ state }) => state === "ok")).toBe(true);
    expect(steps.slice(at + 1).every(({ state }) => state === "skipped")).toBe(true);
  });

  it("passes every step of a path that works, and has its links, cost and addresses", () => {
    const result = check({ options: { traffic: traffic({ opened: 4, closed: 3, failed: 1 }) } });
    expect(result.steps.map(({ id, state }) => `${id} ${state}`)).toEqual(
      ["site", "uplink", "offer", "links", "peer", "target", "listener", "traffic"].map((id) => `${id} ok`),
    );
    expect(result).toMatchObject({
      cause: null,
      ends: ["west", "network", "east"],
      links: ["l-west-network", "l-east-network"],
      cost: 2,
      addresses: ["127.0.0.1:80"],
    });
    expect(result.steps.at(-1)?.detail).toBe("In the last 15 minutes, 1 of 3 connections failed.");
  });

  it("takes the cheapest path, over links that are down as well", () => {
    const status = network({
      links: [
        link("east", "network", { cost: 10 }),
        link("west"),
        link("east", "west", { cost: 3, state: "down", code: "certificate.expired" }),
      ],
    });
    expect(check({ status })).toMatchObject({ ends: ["west", "east"], cost: 3, cause: null });
  });

  it("takes a site by its id", () => {
    expect(check({ from: "s-west" }).from).toBe("west");
  });

  it("ignores sites that are down while another serves", () => {
    const status = network({
      sites: [east, site("north", down), west],
      links: [link("east"), link("north"), link("west")],
      services: [service("api", { name: "north", state: "down" }, { name: "east", state: "up" })],
    });
    expect(check({ status }).cause).toBeNull();
  });

  it("needs no listener at the site that offers the service itself", () => {
    const result = check({ from: "east" });
    expect(result.cause).toBeNull();
    expect(result.steps.at(-1)?.detail).toMatch(/without a listener/);
  });

  it("has whole sentences", () => {
    for (const each of [...CASES, { options: { traffic: traffic(null) } }]) {
      for (const { title, detail } of check(each).steps) {
        expect(title).toMatch(/^[A-Za-z]/);
        if (detail !== "") expect(detail).toMatch(/^[A-Z].*[.?]$/);
      }
    }
  });

  it("does not know about a silent site, and about a path without traffic", () => {
    const silent = [{ site: "s-east", boot: "b-east", heardAt: LATER }];
    const result = check({ options: { silent, traffic: traffic(null) } });
    const unknown = result.steps.filter(({ state }) => state === "unknown");
    expect(unknown.map(({ id, since }) => [id, since])).toEqual([
      ["peer", LATER],
      ["traffic", undefined],
    ]);
    expect(result.cause).toBeNull();
  });
});
