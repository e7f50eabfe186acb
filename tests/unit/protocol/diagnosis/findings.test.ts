import { describe, expect, it } from "vitest";
import type { NetworkStatus } from "../../../../protocol/api/status.ts";
import type { Finding } from "../../../../protocol/diagnosis/finding.ts";
import { type FindingOptions, findings } from "../../../../protocol/diagnosis/findings.ts";
import { summary } from "../../../../protocol/diagnosis/summary.ts";
import { down, hours, LATER, link, NOW, network, SINCE, service, site } from "./example-network.ts";
import { traffic, trafficGroup } from "./example-traffic.ts";

const find = (status: NetworkStatus, options: Partial<FindingOptions> = {}) =>
  findings(status, { now: NOW, ...options });

/** The parts of findings that tables compare. */
const short = (found: readonly Finding[]) =>
  found.map(({ severity, code, subject, since }) => [
    severity,
    code,
    `${subject.kind} ${subject.name}`,
    since,
  ]);

const east = site("east", { services: ["api"] });
const west = site("west");
const strangers = { shed: 1, timedOut: 0, failedHandshakes: 0, failedAccepts: 0 };

interface Case {
  readonly what: string;
  readonly status: NetworkStatus;
  readonly options?: Partial<FindingOptions>;
  readonly found: readonly unknown[];
  readonly title: string;
  readonly command: string | undefined;
  readonly sentence: string;
}

const failing = { requests: 8, requestsFailed: 8 };
const office = { id: "s-office", name: "office" };

const CASES: readonly Case[] = [
  {
    what: "a lost site, with its links and services",
    status: network({
      sites: [{ ...east, ...down }, west],
      links: [link("east", "network", { state: "down", code: "uplink.lost", since: LATER }), link("west")],
      services: [service("api", { name: "east", state: "down" })],
    }),
    found: [
      ["broken", "uplink.lost", "site east", LATER],
      ["broken", "service.unavailable", "service api", LATER],
    ],
    title: "Site east is down.",
    command: "fairlead doctor",
    sentence: "1 of 2 sites is down since 11:30 UTC; 1 service is unavailable.",
  },
  {
    what: "a service whose server answers all of its clients with errors",
    status: network(),
    options: {
      traffic: traffic(
        trafficGroup({ code: "5xx", points: [failing] }),
        trafficGroup({ code: "5xx", points: [failing], from: office }),
      ),
    },
    found: [["broken", "service.failing", "service api", "2026-11-26T11:45:00.000Z"]],
    title: "Requests to service api fail.",
    command: 'fairlead flows "service:api status:5xx"',
    sentence: "2 sites, 1 service: requests to service api fail.",
  },
  {
    what: "a service that does not answer the clients of one site",
    status: network(),
    options: {
      traffic: traffic(
        trafficGroup({ code: "none", points: [failing] }),
        trafficGroup({ code: "2xx", points: [{ requests: 8 }], from: office }),
      ),
    },
    found: [["broken", "service.failing", "service api", "2026-11-26T11:45:00.000Z"]],
    title: "Requests from west to service api fail.",
    command: 'fairlead flows "service:api outcome:failed" --from-site west',
    sentence: "2 sites, 1 service: requests from west to service api fail.",
  },
  {
    what: "failures that a lost site explains",
    status: network({
      sites: [{ ...east, ...down }, west],
      services: [service("api", { name: "east", state: "down" })],
    }),
    options: { traffic: traffic(trafficGroup({ code: "5xx", points: [failing] })) },
    found: [
      ["broken", "uplink.lost", "site east", LATER],
      ["broken", "service.unavailable", "service api", LATER],
    ],
    title: "Site east is down.",
    command: "fairlead doctor",
    sentence: "1 of 2 sites is down since 11:30 UTC; 1 service is unavailable.",
  },
  {
    what: "a service that clients used, and that no site offers any longer",
    status: network({ services: [] }),
    options: { traffic: traffic(trafficGroup({ points: [{ closed: 8 }] })) },
    found: [["degraded", "service.unknown", "service api", "2026-11-26T12:00:00.000Z"]],
    title: "Site west no longer reaches service api.",
    command: "fairlead service list",
    sentence: "2 sites, 0 services: site west no longer reaches service api.",
  },
  {
    what: "a service that clients used, and that is not exported to their site any longer",
    status: network({
      sites: [east, west, site("north")],
      links: [link("east"), link("west"), link("north")],
      services: [service("api", { name: "east", state: "up", to: ["north"] })],
    }),
    options: { traffic: traffic(trafficGroup({ points: [{ closed: 8 }] })) },
    found: [["degraded", "service.not_exported", "service api", "2026-11-26T12:00:00.000Z"]],
    title: "Site west no longer reaches service api.",
    command: "fairlead service status",
    sentence: "3 sites, 1 service: site west no longer reaches service api.",
  },
  {
    what: "a service that clients used, and to which no link leads any longer",
    status: network({
      sites: [east, west, site("north"), site("south")],
      links: [link("east"), link("south"), link("north", "west")],
    }),
    options: { traffic: traffic(trafficGroup({ points: [{ closed: 8 }] })) },
    found: [["degraded", "session.forbidden", "service api", "2026-11-26T12:00:00.000Z"]],
    title: "Site west no longer reaches service api.",
    command: "fairlead token create -o token.yaml",
    sentence: "4 sites, 1 service: site west no longer reaches service api.",
  },
  {
    what: "a site that was revoked an hour ago",
    status: network({ sites: [east, west, site("office", { state: "revoked", instances: [] })] }),
    found: [["notice", "site.revoked", "site office", SINCE]],
    title: "Site office was revoked.",
    command: "fairlead events --type site",
    sentence: "2 sites, 1 service: everything works.",
  },
  {
    what: "a stopped site, which is no fault",
    status: network({
      sites: [{ ...east, ...down, stopped: true }, west],
      links: [link("east", "network", { state: "down", code: "site.stopped" }), link("west")],
      services: [],
    }),
    found: [["notice", "site.stopped", "site east", LATER]],
    title: "Site east is stopped.",
    command: "fairlead site status east",
    sentence: "2 sites (1 stopped), 0 services: everything works.",
  },
  {
    what: "a site that has not joined",
    status: network({ sites: [east, west, site("north", { state: "new", instances: [] })] }),
    found: [["notice", "site.not_joined", "site north", SINCE]],
    title: "Site north has not joined yet.",
    command: "fairlead site create north -o north.yaml",
    sentence: "2 sites, 1 service: everything works.",
  },
  {
    what: "a silent site",
    status: network(),
    options: { silent: [{ site: "s-east", boot: "b-east", heardAt: LATER }] },
    found: [["degraded", "site.silent", "site east", LATER]],
    title: "Site east is silent.",
    command: "fairlead doctor",
    sentence: "2 sites, 1 service: site east is silent.",
  },
  {
    what: "a silent connector of several",
    status: network({
      sites: [
        site("east", { instances: [...east.instances, { boot: "other", since: SINCE, software: "0.1.0" }] }),
        west,
      ],
    }),
    options: { silent: [{ site: "s-east", boot: "other", heardAt: LATER }] },
    found: [["degraded", "site.silent", "site east", LATER]],
    title: "1 of 2 connectors of site east are silent.",
    command: "fairlead doctor",
    sentence: "2 sites, 1 service: 1 of 2 connectors of site east are silent.",
  },
  {
    what: "a link without a valid certificate",
    status: network({
      links: [
        link("east", "network", { state: "down", code: "certificate.expired", since: LATER }),
        link("west"),
      ],
    }),
    found: [["broken", "certificate.expired", "link east-to-network", LATER]],
    title: "Link east-to-network from east to network is down.",
    command: "fairlead link status",
    sentence: "2 sites, 1 service: link east-to-network from east to network is down.",
  },
  {
    what: "a revoked link, and the site that has no other",
    status: network({
      links: [link("east", "network", { state: "down", code: "link.revoked", since: LATER }), link("west")],
    }),
    found: [
      ["degraded", "site.unlinked", "site east", null],
      ["degraded", "site.unlinked", "site west", null],
      ["notice", "link.revoked", "link east-to-network", LATER],
    ],
    title: "No link connects site east with another site.",
    command: "fairlead token create -o token.yaml",
    sentence: "2 sites, 1 service: 2 things need attention.",
  },
  {
    what: "a service without a target that is up, with its reason",
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
    found: [["broken", "service.refused", "service api", LATER]],
    title: "No target of api is up.",
    command: "fairlead service status",
    sentence: "2 sites, 1 service: no target of api is up.",
  },
  {
    what: "a service whose targets are down at one of its sites",
    status: network({
      services: [service("api", { name: "east", state: "up" }, { name: "west", state: "up", down: [80] })],
    }),
    found: [["degraded", "service.unhealthy", "service api", null]],
    title: "Targets of api are down at site west.",
    command: "fairlead service status",
    sentence: "2 sites, 1 service: targets of api are down at site west.",
  },
  {
    what: "one of a service's ports without a target that is up",
    status: network({
      services: [
        {
          ...service("api", { name: "east", state: "up", down: [443] }),
          ports: [
            { port: 80, protocol: "tcp" },
            { port: 443, protocol: "tcp" },
          ],
        },
      ],
    }),
    found: [["broken", "service.unhealthy", "service api", null]],
    title: "No target of api at port 443 is up.",
    command: "fairlead service status",
    sentence: "2 sites, 1 service: no target of api at port 443 is up.",
  },
  {
    what: "a refused offer, with the patterns that would allow it",
    status: network({
      sites: [
        site("east", {
          mayOffer: ["a-*"],
          refused: [{ name: "db", code: "service.forbidden", message: "The site may not offer it." }],
        }),
        west,
      ],
    }),
    found: [["broken", "service.forbidden", "service db", null]],
    title: "The network refuses the offer of db by site east.",
    command: "fairlead site update east --may-offer 'a-*' --may-offer db",
    sentence: "2 sites, 1 service: the network refuses the offer of db by site east.",
  },
  {
    what: "a refused offer of a service that another site serves",
    status: network({
      sites: [
        east,
        site("west", {
          refused: [{ name: "api", code: "service.port_conflict", message: "It has port 80." }],
        }),
      ],
    }),
    found: [["degraded", "service.port_conflict", "service api", null]],
    title: "The network refuses the offer of api by site west.",
    command: "fairlead service list",
    sentence: "2 sites, 1 service: the network refuses the offer of api by site west.",
  },
  {
    what: "a listener that failed",
    status: network({
      sites: [
        east,
        site("west", {
          listeners: [
            {
              service: "api",
              address: "127.0.0.1:80",
              state: "failed",
              code: "listener.port_taken",
              since: LATER,
            },
          ],
        }),
      ],
    }),
    found: [["broken", "listener.port_taken", "listener api", LATER]],
    title: "Site west cannot listen for api at 127.0.0.1:80.",
    command: "fairlead service status",
    sentence: "2 sites, 1 service: site west cannot listen for api at 127.0.0.1:80.",
  },
  {
    what: "a certificate that was not renewed",
    status: network({ sites: [east, site("west", { certificateExpiresAt: hours(3) })] }),
    found: [["degraded", "certificate.ends_soon", "certificate west", null]],
    title: "The certificate of site west ends soon.",
    command: "fairlead status",
    sentence: "2 sites, 1 service: the certificate of site west ends soon.",
  },
  {
    what: "a certificate that has expired",
    status: network({ sites: [east, site("west", { certificateExpiresAt: hours(-1) })] }),
    found: [["broken", "certificate.expired", "certificate west", hours(-1)]],
    title: "The certificate of site west has expired.",
    command: "fairlead status",
    sentence: "2 sites, 1 service: the certificate of site west has expired.",
  },
  {
    what: "a stopped site that soon can no longer renew",
    status: network({
      sites: [east, site("west", { ...down, stopped: true, certificateExpiresAt: hours(-28 * 24) })],
    }),
    found: [
      ["degraded", "certificate.too_old", "certificate west", null],
      ["notice", "site.stopped", "site west", LATER],
    ],
    title: "Site west must join again unless it returns by 2026-11-28.",
    command: "fairlead token create -o west.yaml",
    sentence: "2 sites (1 stopped), 1 service: site west must join again unless it returns by 2026-11-28.",
  },
  {
    what: "versions that differ",
    status: network({
      sites: [east, site("west", { instances: [{ boot: "b", since: SINCE, software: "0.2.0-rc.1" }] })],
    }),
    found: [["notice", "site.outdated", "site east", null]],
    title: "Site east runs an older version.",
    command: "fairlead version",
    sentence: "2 sites, 1 service: everything works.",
  },
  {
    what: "a service that is exported to a site that does not exist",
    status: network({ services: [service("api", { name: "east", state: "up", to: ["nowhere"] })] }),
    found: [["degraded", "service.not_exported", "service api", null]],
    title: "No site can use service api.",
    command: "fairlead service status",
    sentence: "2 sites, 1 service: no site can use service api.",
  },
  {
    what: "strangers that crowd the edge",
    status: network({ edge: { strangers, lanes: "withdrawn" } }),
    found: [["degraded", "edge.crowded", "edge edge", null]],
    title: "Unauthenticated clients crowd the edge.",
    command: undefined,
    sentence: "2 sites, 1 service: unauthenticated clients crowd the edge.",
  },
];

describe("findings", () => {
  it.each(CASES)("has $what", ({ status, options, found, title, command }) => {
    const all = find(status, options);
    expect(short(all)).toEqual(found);
    expect(all[0]).toMatchObject({ title });
    expect(all[0]?.command).toBe(command);
  });

  it("is empty while everything works", () => {
    expect(find(network())).toEqual([]);
  });

  it("leaves out single failures, and a site that was revoked long ago", () => {
    const points = [{ closed: 2, failed: 2 }];
    expect(find(network(), { traffic: traffic(trafficGroup({ points })) })).toEqual([]);
    const revoked = site("office", { state: "revoked", since: hours(-30) });
    expect(find(network({ sites: [east, west, revoked] }))).toEqual([]);
  });

  it("says in the finding of a lost site what follows from it", () => {
    const [lost] = find(CASES[0]?.status ?? network());
    expect(lost?.detail).toMatch(/1 link of it is down\. No other site offers api\.$/);
    expect(lost?.at).toBe("east");
  });

  it("has whole sentences with an action", () => {
    for (const { status, options } of CASES) {
      for (const { title, detail, action } of find(status, options)) {
        for (const text of [title, detail, action]) expect(text).toMatch(/^[A-Z0-9`].*\.$/s);
      }
    }
  });

  it("has the worst first", () => {
    const order = ["broken", "degraded", "notice"];
    for (const { status, options } of CASES) {
      const ranks = find(status, options).map(({ severity }) => order.indexOf(severity));
      expect(ranks).toEqual(ranks.toSorted());
    }
  });
});

describe("summary", () => {
  it.each(CASES)("tells of $what", ({ status, options, sentence }) => {
    expect(summary(status, find(status, options))).toBe(sentence);
  });

  it("says that everything works", () => {
    expect(summary(network(), [])).toBe("2 sites, 1 service: everything works.");
  });

  it("says that there are no sites, or none that has joined", () => {
    expect(summary(network({ sites: [] }), [])).toBe("The network has no sites yet.");
    const waiting = network({ sites: [site("north", { state: "new" })] });
    expect(summary(waiting, [])).toBe("No site has joined the network yet.");
  });

  it("counts what else is wrong beside a site that is down", () => {
    const status = network({
      sites: [
        { ...east, ...down },
        site("west", {
          listeners: [{ service: "x", address: "a:1", state: "failed" }],
          certificateExpiresAt: hours(3),
        }),
      ],
    });
    const time = (at: string) => at.slice(11, 16);
    expect(summary(status, find(status), time)).toBe(
      "1 of 2 sites is down since 11:30; 1 other thing is broken, 1 needs attention.",
    );
  });
});
