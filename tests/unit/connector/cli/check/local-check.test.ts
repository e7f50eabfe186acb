import { describe, expect, it } from "vitest";
import { checkLocally } from "../../../../../connector/cli/check/local-check.ts";
import type { Status } from "../../../../../connector/control/schema.ts";

const SINCE = "2026-11-26T11:00:00.000Z";
const listener = { address: "127.0.0.1:80", state: "listening" } as const;

type Service = Status["services"][number];
const service = (changes: Partial<Service> = {}): Service => ({
  ...{ name: "api", protocol: "tcp", port: 80, sites: ["east"], listener },
  ...changes,
});

const status = (changes: Partial<Status> = {}): Status => ({
  site: { id: "s", name: "west" },
  network: { id: "n", name: "shop" },
  ...{ edge: "https://edge", boot: "b", software: "0.1.0", certificateExpiresAt: SINCE, otherSites: 1 },
  uplink: { state: "up", since: SINCE },
  ...{ links: [], incoming: [], offers: [], sessions: [] },
  services: [service()],
  ...changes,
});

const cases: readonly (readonly [what: string, status: Status, step: string, code: string])[] = [
  [
    "an uplink that is down",
    status({ uplink: { state: "waiting", since: SINCE, code: "edge.unreachable" } }),
    "uplink",
    "edge.unreachable",
  ],
  ["a service that the site does not see", status({ services: [] }), "offer", "service.unknown"],
  [
    "targets that are down",
    status({ services: [service({ down: ["east"], code: "service.unhealthy" })] }),
    "target",
    "service.unhealthy",
  ],
  [
    "offers that the site does not use",
    status({ services: [service({ code: "service.hop_not_allowed" })] }),
    "peer",
    "service.hop_not_allowed",
  ],
  [
    "a listener that failed",
    status({
      services: [service({ listener: { ...listener, state: "failed", code: "listener.port_taken" } })],
    }),
    "listener",
    "listener.port_taken",
  ],
  [
    "a listener that is not open",
    status({ services: [service({ listener: null })] }),
    "listener",
    "listener.missing",
  ],
];

describe("the check of a path by a site's connector", () => {
  it.each(cases)("finds %s", (_, seen, step, code) => {
    const { cause, steps } = checkLocally(seen, "api");
    expect([cause?.id, cause?.code]).toEqual([step, code]);
    expect(cause?.action).toMatch(/\.$/);
    expect(steps.filter(({ state }) => state === "broken")).toHaveLength(1);
  });

  it("passes a path that works, with the address of the listener", () => {
    const { cause, addresses, steps } = checkLocally(status(), "api", 80);
    expect([cause, addresses]).toEqual([null, ["127.0.0.1:80"]]);
    expect(steps.map(({ state }) => state)).toEqual(["ok", "ok", "ok", "ok"]);
  });

  it("finds a port that the service does not have", () => {
    expect(checkLocally(status(), "api", 81).cause?.code).toBe("service.unknown_port");
  });
});
