/** Random link graphs, and plain reference algorithms. */
import fc from "fast-check";
import { type Edge, NETWORK_NODE } from "../../../../workers/registry/policy/link-graph.ts";

export const SITES = ["a", "b", "c", "d", "e", "f", "g"];
export const NODES = [...SITES, NETWORK_NODE];

export const anyCost = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1_000_000 }));
export const anyEdge: fc.Arbitrary<Edge> = fc.record({
  joiner: fc.constantFrom(...SITES),
  issuer: fc.constantFrom(...NODES),
  cost: anyCost,
});

/** The algorithm of Floyd and Warshall: the lowest costs between all nodes, infinite without a path. */
export function allCosts(edges: readonly Edge[], nodes: readonly string[] = NODES): Map<string, number> {
  const key = (left: string, right: string) => `${left} ${right}`;
  const costs = new Map<string, number>();
  const at = (left: string, right: string) => costs.get(key(left, right)) ?? Number.POSITIVE_INFINITY;
  for (const node of nodes) costs.set(key(node, node), 0);
  for (const { joiner, issuer, cost } of edges) {
    for (const [left, right] of [
      [joiner, issuer],
      [issuer, joiner],
    ] as const) {
      costs.set(key(left, right), Math.min(at(left, right), cost));
    }
  }
  for (const over of nodes) {
    for (const left of nodes) {
      for (const right of nodes) {
        const through = at(left, over) + at(over, right);
        if (through < at(left, right)) costs.set(key(left, right), through);
      }
    }
  }
  return new Map(nodes.flatMap((left) => nodes.map((right) => [key(left, right), at(left, right)] as const)));
}

/** Whether a search from `left` finds `right`. */
export function walks(edges: readonly Edge[], left: string, right: string): boolean {
  const seen = new Set([left]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { joiner, issuer } of edges) {
      if (seen.has(joiner) === seen.has(issuer)) continue;
      seen.add(joiner).add(issuer);
      grew = true;
    }
  }
  return seen.has(right);
}
