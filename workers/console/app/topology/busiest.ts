/** The part of a graph of services that fits on a screen: what is broken or fails, and what is busiest. */
import type { ServiceGraph, ServiceGraphNode } from "./service-graph.ts";

/** The most services that are drawn, besides those that are broken. */
export const MAX_SERVICES = 12;

/**
 * The ids of the services to draw.
 *
 * @param before the services drawn last, which stay: a service that is busier for a while does not displace another
 */
export function busiest(
  { nodes, edges }: ServiceGraph,
  before: ReadonlySet<string> = new Set(),
): ReadonlySet<string> {
  const services = nodes.filter(({ kind }) => kind === "service");
  if (services.length <= MAX_SERVICES) return new Set(services.map(({ id }) => id));
  const bytes = new Map<string, number>();
  const failing = new Set<string>();
  for (const { from, to, rates } of edges) {
    for (const id of [from, to]) {
      const sum = rates.bytesToClient + rates.bytesToTarget + rates.streams;
      bytes.set(id, (bytes.get(id) ?? 0) + sum);
      if (rates.failed > 0 && isBad(rates.failed / Math.max(rates.requests, rates.streams, rates.failed)))
        failing.add(id);
    }
  }
  const isWrong = (node: ServiceGraphNode) =>
    (node.kind === "service" && node.health !== "up") || failing.has(node.id);
  const kept = services.filter((node) => before.has(node.id) || isWrong(node));
  const rest = services
    .filter((node) => !kept.includes(node))
    .sort((a, b) => (bytes.get(b.id) ?? 0) - (bytes.get(a.id) ?? 0));
  return new Set([...kept, ...rest.slice(0, Math.max(0, MAX_SERVICES - kept.length))].map(({ id }) => id));
}

/** The share of failures from which a line is red. */
export const BAD_SHARE = 0.05;
const isBad = (share: number): boolean => share >= BAD_SHARE;

/** The graph with some services alone, and what calls and serves them. */
export function withServices({ nodes, edges }: ServiceGraph, services: ReadonlySet<string>): ServiceGraph {
  const drawn = edges.filter(({ from, to }) => services.has(from) || services.has(to));
  const ends = new Set(drawn.flatMap(({ from, to }) => [from, to]));
  return {
    nodes: nodes.filter(({ id, kind }) => (kind === "service" ? services.has(id) : ends.has(id))),
    edges: drawn,
  };
}

/** The ids of the services that nodes are, call or serve. */
export function servicesOf({ nodes, edges }: ServiceGraph, ids: ReadonlySet<string>): ReadonlySet<string> {
  const near = new Set([
    ...ids,
    ...edges.flatMap(({ id, from, to }) => (ids.has(id) || ids.has(from) || ids.has(to) ? [from, to] : [])),
  ]);
  return new Set(nodes.filter(({ id, kind }) => kind === "service" && near.has(id)).map(({ id }) => id));
}
