import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Service } from "../../../../../protocol/api/services.ts";
import type { TrafficGroup, TrafficPoint } from "../../../../../protocol/api/traffic.ts";
import { overlap } from "../../../../../workers/console/app/topology/rectangle.ts";
import {
  type ServiceGraph,
  serviceGraph,
} from "../../../../../workers/console/app/topology/service-graph.ts";
import { layoutServices } from "../../../../../workers/console/app/topology/service-layout.ts";

const FROM = "2026-11-01T00:00:00Z";
const AT = "2026-11-01T00:00:20Z";

const service = (name: string, sites: [string, "up" | "down"][]): Service => ({
  name,
  protocol: "http",
  port: 80,
  sites: sites.map(([site, state]) => ({ name: site, state })),
});

const group = (
  from: string | null,
  name: string,
  to: string | null,
  rest: Partial<TrafficGroup> = {},
): TrafficGroup => {
  const point: TrafficPoint = { opened: 20, requests: 40, bytesToClient: 2000 };
  return {
    from: from === null ? null : { id: `s-${from}`, name: from },
    to: to === null ? null : { id: `s-${to}`, name: to },
    service: name,
    protocol: null,
    process: null,
    target: null,
    method: null,
    code: null,
    totals: {
      opened: 0,
      closed: 0,
      failed: 0,
      requests: 0,
      requestsFailed: 0,
      bytesToTarget: 0,
      bytesToClient: 0,
      latency: [],
    },
    points: [point, point],
    ...rest,
  };
};

const traffic = (groups: TrafficGroup[]) => ({ at: AT, from: FROM, stepSeconds: 10, groups });

describe("the graph of services", () => {
  it("has callers left and what serves right, so a site that does both is in it twice", () => {
    const status = { sites: [], services: [service("web", [["b", "up"]]), service("db", [["c", "up"]])] };
    const { nodes, edges } = serviceGraph(status, traffic([group("a", "web", "b"), group("b", "db", "c")]), {
      by: "site",
    });
    expect(nodes.map(({ id }) => id)).toEqual([
      "caller:site:a",
      "caller:site:b",
      "server:site:b",
      "server:site:c",
      "service:db",
      "service:web",
    ]);
    expect(edges.map(({ from, to }) => `${from} ${to}`)).toEqual([
      "caller:site:a service:web",
      "caller:site:b service:db",
      "service:db server:site:c",
      "service:web server:site:b",
    ]);
    expect(edges[0]?.rates).toMatchObject({ requests: 4, streams: 2, bytesToClient: 200 });
  });

  it("shows services without traffic, their health, the public door, and services that are gone", () => {
    const services = [
      service("web", [
        ["b", "up"],
        ["c", "down"],
      ]),
      service("old", [["c", "down"]]),
    ];
    const { nodes } = serviceGraph({ sites: [], services }, traffic([group(null, "gone", "b")]), {
      by: "site",
    });
    expect(nodes).toMatchObject([
      { id: "door:", kind: "door" },
      { id: "server:site:b" },
      { id: "server:site:c" },
      { id: "service:gone", health: "down" },
      { id: "service:old", health: "down" },
      { id: "service:web", health: "degraded" },
    ]);
  });

  it("draws processes and targets in place of their sites", () => {
    const status = { sites: [], services: [service("web", [["b", "up"]])] };
    const groups = [group("a", "web", "b", { process: "curl", target: "127.0.0.1:80" })];
    const { nodes } = serviceGraph(status, traffic(groups), { by: "process" });
    expect(nodes.map(({ kind, label }) => `${kind} ${label}`)).toEqual([
      "process curl",
      "service web",
      "target 127.0.0.1:80",
    ]);
  });

  it("combines sites into groups", () => {
    const services = [
      service("web", [
        ["b1", "up"],
        ["b2", "up"],
      ]),
    ];
    const { nodes } = serviceGraph({ sites: [], services }, null, { by: "site", groupOf: () => "b" });
    expect(nodes.map(({ id }) => id)).toEqual(["server:group:b", "service:web"]);
  });
});

describe("a layout of services", () => {
  const calls = fc.array(fc.tuple(fc.nat(12), fc.nat(8), fc.nat(12)), { minLength: 1, maxLength: 20 });
  const graphOf = (all: readonly (readonly [number, number, number])[]): ServiceGraph =>
    serviceGraph(
      { sites: [], services: [] },
      traffic(all.map(([from, name, to]) => group(`s${from}`, `v${name}`, `s${to}`))),
      { by: "site" },
    );

  it("has no overlap, is the same in any order of calls, and moves no node for another", () => {
    fc.assert(
      fc.property(calls, calls, (before, added) => {
        const fresh = layoutServices(graphOf(before));
        expect(layoutServices(graphOf([...before].reverse()))).toEqual(fresh);
        const next = layoutServices(graphOf([...before.slice(1), ...added]), fresh);
        for (const layout of [fresh, next]) {
          const places = [...layout.places.values()];
          expect(places.some((a, index) => places.slice(index + 1).some((b) => overlap(a, b, 4)))).toBe(
            false,
          );
        }
        const kept = [...next.places].filter(([id]) => fresh.places.has(id));
        // A graph that has nothing of the earlier one is arranged anew.
        for (const [id, place] of kept) expect(place).toEqual(fresh.places.get(id));
      }),
      { numRuns: 12 },
    );
  });

  it("places callers left of services, and services left of what serves them", () => {
    const { places } = layoutServices(graphOf([[1, 1, 2]]));
    const x = (id: string) => places.get(id)?.x ?? 0;
    expect(x("caller:site:s1")).toBeLessThan(x("service:v1"));
    expect(x("service:v1")).toBeLessThan(x("server:site:s2"));
  });

  it("is untidy after a node came or went, and not after traffic changed", () => {
    const graph = graphOf([[1, 1, 2]]);
    const layout = layoutServices(graph);
    expect([layout.isUntidy, layoutServices(graph, layout)]).toEqual([false, layout]);
    const larger = graphOf([
      [0, 1, 2],
      [1, 1, 2],
    ]);
    expect(layoutServices(larger, layout).isUntidy).toBe(true);
    expect(layoutServices(graph, layoutServices(larger)).isUntidy).toBe(true);
  });
});
