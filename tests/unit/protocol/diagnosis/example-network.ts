/** A network that works: west and east joined with tokens of the network, and east offers the service api. */
import type { Link } from "../../../../protocol/api/links.ts";
import type { Service } from "../../../../protocol/api/services.ts";
import type { Site } from "../../../../protocol/api/sites.ts";
import type { NetworkStatus } from "../../../../protocol/api/status.ts";

export const NOW = Date.parse("2026-11-26T12:00:00.000Z");
export const SINCE = "2026-11-26T11:00:00.000Z";
export const LATER = "2026-11-26T11:30:00.000Z";

/** A time some hours from now, as ISO 8601. */
export const hours = (count: number) => new Date(NOW + count * 3_600_000).toISOString();

export const site = (name: string, changes: Partial<Site> = {}): Site => ({
  id: `s-${name}`,
  name,
  state: "up",
  since: SINCE,
  createdAt: SINCE,
  certificateExpiresAt: hours(20),
  mayOffer: null,
  instances: [{ boot: `b-${name}`, since: SINCE, software: "0.1.0", rtt: 12 }],
  services: [],
  listeners: [],
  ...changes,
});

export const link = (joiner: string, issuer = "network", changes: Partial<Link> = {}): Link => ({
  id: `l-${joiner}-${issuer}`,
  name: `${joiner}-to-${issuer}`,
  joiner,
  issuer,
  cost: 1,
  state: "up",
  since: SINCE,
  rtt: null,
  createdAt: SINCE,
  ...changes,
});

/** A service of one port at sites. */
export const service = (name: string, ...sites: Service["sites"]): Service => ({
  name,
  protocol: "tcp",
  port: 80,
  ports: [{ port: 80, protocol: "tcp" }],
  sites,
});

export const down: Pick<Site, "state" | "instances" | "since"> = {
  state: "down",
  instances: [],
  since: LATER,
};

/** @param changes replaces parts of the network that works */
export const network = (changes: Partial<NetworkStatus> = {}): NetworkStatus => ({
  network: { id: "n", name: "shop", createdAt: SINCE },
  sites: [
    site("east", { services: ["api"] }),
    site("west", { listeners: [{ service: "api", address: "127.0.0.1:80", state: "listening" }] }),
  ],
  links: [link("east"), link("west")],
  services: [service("api", { name: "east", state: "up" })],
  ...changes,
});
