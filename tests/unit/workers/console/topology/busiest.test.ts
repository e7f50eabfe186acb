import { describe, expect, it } from "vitest";
import {
  busiest,
  MAX_SERVICES,
  servicesOf,
  withServices,
} from "../../../../../workers/console/app/topology/busiest.ts";
import type { ServiceGraph } from "../../../../../workers/console/app/topology/service-graph.ts";

/** A graph of services of which each has a caller and a server of its own, and twice as many bytes as the one before. */
function graphOf(
  count: number,
  rates: (index: number) => { bytesToClient?: number; streams?: number; failed?: number },
): ServiceGraph {
  const all = Array.from({ length: count }, (_, index) => index);
  const edge = (from: string, to: string, index: number) => ({
    id: `${from} > ${to}`,
    from,
    to,
    active: true,
    rates: { streams: 1, requests: 0, failed: 0, bytesToTarget: 0, bytesToClient: 0, ...rates(index) },
  });
  return {
    nodes: all.flatMap((index) => [
      {
        id: `service:s${index}`,
        kind: "service" as const,
        label: `s${index}`,
        column: "service" as const,
        health: "up" as const,
      },
      {
        id: `caller:site:c${index}`,
        kind: "site" as const,
        label: `c${index}`,
        column: "caller" as const,
        site: null,
        state: "up" as const,
      },
    ]),
    edges: all.map((index) => edge(`caller:site:c${index}`, `service:s${index}`, index)),
  };
}

const rising = (index: number) => ({ bytesToClient: 10 * index });

describe("the services that are drawn", () => {
  it("are all of a few", () => {
    expect(busiest(graphOf(MAX_SERVICES, rising)).size).toBe(MAX_SERVICES);
  });

  it("are the busiest of many", () => {
    const ids = [...busiest(graphOf(30, rising))];
    expect(ids.sort()).toEqual(Array.from({ length: 12 }, (_, index) => `service:s${29 - index}`).sort());
  });

  it("are those that fail and those that are down as well, however idle", () => {
    const graph = graphOf(30, (index) => (index === 1 ? { streams: 1, failed: 1 } : rising(index)));
    const nodes = graph.nodes.map((node) =>
      node.id === "service:s2" ? { ...node, health: "down" as const } : node,
    );
    const ids = busiest({ ...graph, nodes: nodes as ServiceGraph["nodes"] });
    expect([ids.size, ids.has("service:s1"), ids.has("service:s2")]).toEqual([MAX_SERVICES, true, true]);
  });

  it("stay when others are busier for a while", () => {
    const before = busiest(graphOf(30, rising));
    expect(
      [
        ...busiest(
          graphOf(30, (index) => rising(30 - index)),
          before,
        ),
      ].sort(),
    ).toEqual([...before].sort());
  });

  it("come with what calls and serves them alone", () => {
    const graph = graphOf(30, rising);
    const { nodes, edges } = withServices(graph, new Set(["service:s4"]));
    expect([nodes.map(({ id }) => id), edges.length]).toEqual([["service:s4", "caller:site:c4"], 1]);
    expect([...servicesOf(graph, new Set(["caller:site:c7", "service:s1"]))]).toEqual([
      "service:s1",
      "service:s7",
    ]);
  });
});
