import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Edge,
  NETWORK_NODE,
  type OfferRow,
  Reachability,
  viewOf,
  visibleServices,
} from "../../../../workers/registry/reachability.ts";

const nodes = ["a", "b", "c", "d", "e", "f", NETWORK_NODE];
const anyEdge = fc.record({ joiner: fc.constantFrom(...nodes), issuer: fc.constantFrom(...nodes) });

/** Slow reference: walks the graph from `left` and sees whether it meets `right`. */
function walks(edges: readonly Edge[], left: string, right: string): boolean {
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

const offer = (service: string, site: string, boot: string, since = 0, port = 80): OfferRow => ({
  service,
  protocol: "tcp",
  port,
  since,
  encryption: "end-to-end",
  instance: { site, siteName: site, boot },
});

describe("reachability", () => {
  it("agrees with a plain walk of the graph, whatever the graph and the order of its links", () => {
    fc.assert(
      fc.property(fc.array(anyEdge, { maxLength: 12 }), (edges) => {
        const reachability = new Reachability(edges);
        for (const left of nodes) {
          for (const right of nodes) {
            expect(reachability.canReach(left, right)).toBe(walks(edges, left, right));
          }
        }
      }),
    );
  });

  it("connects all who joined with a token of the network", () => {
    const reachability = new Reachability([
      { joiner: "a", issuer: NETWORK_NODE },
      { joiner: "b", issuer: NETWORK_NODE },
    ]);
    expect(reachability.canReach("a", "b")).toBe(true);
    expect(reachability.canReach("a", "c")).toBe(false);
  });
});

describe("what a site sees", () => {
  const together = new Reachability([
    { joiner: "a", issuer: NETWORK_NODE },
    { joiner: "b", issuer: NETWORK_NODE },
  ]);

  it("leaves its own offers out", () => {
    const offers = [offer("api", "a", "1"), offer("api", "b", "2"), offer("own", "a", "1")];
    expect(visibleServices("a", offers, together)).toEqual([
      { name: "api", protocol: "tcp", port: 80, offers: [{ site: "b", siteName: "b", boot: "2" }] },
    ]);
  });

  it("leaves out what it cannot reach", () => {
    expect(visibleServices("a", [offer("api", "c", "3")], together)).toEqual([]);
  });

  it("takes port and protocol from the oldest offer where offers disagree", () => {
    const view = viewOf([offer("api", "a", "1", 20, 81), offer("api", "b", "2", 10, 82)], "c");
    expect(view?.port).toBe(82);
    expect(view?.offers.map((instance) => instance.site)).toEqual(["b", "a"]);
  });

  it("tells which of the offers allow hop encryption", () => {
    const view = viewOf([{ ...offer("api", "a", "1"), encryption: "hop" }, offer("api", "b", "2")], "c");
    expect(view?.offers.map(({ encryption }) => encryption)).toEqual(["hop", undefined]);
  });

  it("is nothing when only the site itself offers", () => {
    expect(viewOf([offer("api", "a", "1")], "a")).toBeNull();
  });
});
