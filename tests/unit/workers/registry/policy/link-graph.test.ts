import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Edge, LinkGraph, NETWORK_NODE } from "../../../../../workers/registry/policy/link-graph.ts";
import { costRatio } from "../../../../support/clock/cost.ts";
import { allCosts, anyEdge, NODES, SITES, walks } from "../graphs.ts";

/** Steps that make, revoke and delete links. `which` picks an existing link. */
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), edge: anyEdge }),
  fc.record({ kind: fc.constantFrom("revoke" as const, "delete" as const), which: fc.nat(50) }),
);

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`);

describe("the components of the link graph", () => {
  it("agree with a plain search, for any graph and any order of its links", () => {
    fc.assert(
      fc.property(fc.array(anyEdge, { maxLength: 14 }), (edges) => {
        const linkGraph = new LinkGraph(edges);
        for (const left of NODES) {
          for (const right of NODES) {
            expect(linkGraph.canReach(left, right)).toBe(walks(edges, left, right));
          }
        }
      }),
    );
  });

  it("connect all sites that joined with a token of the network", () => {
    const edges = ["a", "b"].map((joiner) => ({ joiner, issuer: NETWORK_NODE, cost: 1 }));
    const linkGraph = new LinkGraph(edges);
    expect(linkGraph.canReach("a", "b")).toBe(true);
    expect(linkGraph.canReach("a", "c")).toBe(false);
  });
});

describe("the costs of the link graph", () => {
  it("equal those of Floyd and Warshall, for any graph and any order of queries", () => {
    fc.assert(
      fc.property(
        fc.array(anyEdge, { maxLength: 16 }),
        fc.shuffledSubarray(
          NODES.flatMap((left) => NODES.map((right) => [left, right] as const)),
          { minLength: NODES.length ** 2 },
        ),
        (edges, pairs) => {
          const linkGraph = new LinkGraph(edges);
          const slow = allCosts(edges);
          for (const [left, right] of pairs) {
            const cost = linkGraph.cost(left, right) ?? Number.POSITIVE_INFINITY;
            expect(cost, `${left} to ${right}`).toBe(slow.get(`${left} ${right}`));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("do not depend on the order in which links were made, revoked and deleted", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        let there: { edge: Edge; revoked: boolean }[] = [];
        for (const step of steps) {
          if (step.kind === "add") there.push({ edge: step.edge, revoked: false });
          else if (there.length > 0) {
            const one = there[step.which % there.length];
            if (step.kind === "revoke" && one) one.revoked = true;
            else there = there.filter((other) => other !== one);
          }
        }
        const edges = there.filter(({ revoked }) => !revoked).map(({ edge }) => edge);
        const forwards = new LinkGraph(edges);
        const backwards = new LinkGraph([...edges].reverse());
        const slow = allCosts(edges);
        for (const left of SITES) {
          for (const right of SITES) {
            const cost = forwards.cost(left, right);
            expect(cost ?? Number.POSITIVE_INFINITY).toBe(slow.get(`${left} ${right}`));
            expect(backwards.cost(right, left)).toBe(cost);
            expect(cost !== null).toBe(forwards.canReach(left, right));
          }
        }
      }),
    );
  });

  it("add up over the network, which costs nothing itself, and take the cheaper of two links", () => {
    const linkGraph = new LinkGraph([
      { joiner: "a", issuer: NETWORK_NODE, cost: 3 },
      { joiner: "b", issuer: NETWORK_NODE, cost: 4 },
      { joiner: "b", issuer: "a", cost: 6 },
      { joiner: "c", issuer: "b", cost: 9 },
      { joiner: "b", issuer: "c", cost: 5 },
    ]);
    expect(linkGraph.cost("a", "b")).toBe(6);
    expect(linkGraph.cost("c", "a")).toBe(11);
    expect(linkGraph.cost("a", "a")).toBe(0);
    expect(linkGraph.cost("a", "d")).toBeNull();
  });

  it("costs one search for a thousand sites, however the sites are linked", () => {
    const sites = numbered(1000);
    const star = sites.map((joiner) => ({ joiner, issuer: NETWORK_NODE, cost: 1 }));
    const hub = sites.slice(1).map((joiner) => ({ joiner, issuer: "s0", cost: 2 }));
    const chain = sites.slice(1).map((joiner, index) => ({ joiner, issuer: `s${index}`, cost: 1 }));
    for (const edges of [star, hub, chain, [...star, ...chain], [...star, ...hub]]) {
      const linkGraph = new LinkGraph(edges);
      for (const site of sites) linkGraph.cost("s500", site);
      expect(linkGraph.searches).toBeLessThanOrEqual(1);
    }
    // Sites that joined at the same node need the same search.
    const alike = new LinkGraph(star);
    for (const site of sites) for (const other of ["s1", "s2", "s3"]) alike.cost(site, other);
    expect(alike.searches).toBeLessThanOrEqual(1);
  });

  it("costs time in proportion to the number of pairs of a thousand sites with two links each", () => {
    const all = (count: number) => () => {
      const sites = numbered(count);
      const edges = sites.flatMap((joiner, index) => [
        { joiner, issuer: NETWORK_NODE, cost: 1 + (index % 7) },
        { joiner, issuer: `s${(index * 17 + 1) % count}`, cost: 1 + (index % 5) },
      ]);
      const linkGraph = new LinkGraph(edges);
      for (const left of sites) for (const right of sites) linkGraph.cost(left, right);
    };
    // Sixteen times the pairs. A search per pair would cost 64 times as much.
    const bound = 40;
    expect(costRatio(all(1000), all(250), { bound })).toBeLessThan(bound);
  });
});
