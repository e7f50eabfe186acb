import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Load, selectInstance } from "../../../../connector/listeners/select-instance.ts";
import type { VisibleOffer } from "../../../../protocol/uplink/messages.ts";

const instance = (site: string, boot: string, cost?: number): VisibleOffer => ({
  ...{ site, siteName: site, boot },
  ...(cost === undefined ? {} : { cost }),
});
const idle: Load = { streams: 0, session: false, failing: false };

/** The order in which the instances are selected when each is selected once. */
function inOrder(offers: readonly VisibleOffer[], loadOf: (one: VisibleOffer) => Load): VisibleOffer[] {
  const left = new Set(offers);
  const order: VisibleOffer[] = [];
  for (let next = selectInstance(left, loadOf); next !== undefined; next = selectInstance(left, loadOf)) {
    left.delete(next);
    order.push(next);
  }
  return order;
}

/** Opens streams one after another at the selected instances. Returns the number of streams of each instance. */
function opened(offers: readonly VisibleOffer[], count: number): Map<string, number> {
  const streams = new Map(offers.map(({ boot }) => [boot, 0]));
  const of = ({ boot }: VisibleOffer) => streams.get(boot) ?? 0;
  for (let index = 0; index < count; index++) {
    const first = selectInstance(offers, (one) => ({ ...idle, streams: of(one), session: of(one) > 0 }));
    if (first) streams.set(first.boot, of(first) + 1);
  }
  return streams;
}

describe("selectInstance", () => {
  const [a, b, c] = [instance("s1", "b1"), instance("s1", "b2"), instance("s2", "b3")];
  const order = (loads: Record<string, Partial<Load>>, offers: readonly VisibleOffer[] = [c, b, a]) =>
    inOrder(offers, (one) => ({ ...idle, ...loads[one.boot] })).map((one) => one.boot);

  it("selects the instance with the fewest open streams among equal costs", () => {
    expect(order({ b1: { streams: 2 }, b2: { streams: 1 }, b3: { streams: 3 } })).toEqual(["b2", "b1", "b3"]);
  });

  it("selects an instance with a session among equals", () => {
    expect(order({ b3: { session: true } })).toEqual(["b3", "b1", "b2"]);
  });

  it("selects the same instance every time among equals", () => {
    expect(order({})).toEqual(["b1", "b2", "b3"]);
  });

  it("selects an instance that failed a moment ago after all others, whatever the costs", () => {
    const offers = [instance("s1", "b1", 1), instance("s1", "b2", 500), instance("s2", "b3", 100)];
    expect(order({ b1: { failing: true }, b2: { streams: 9 } }, offers)).toEqual(["b3", "b2", "b1"]);
  });

  it("selects the cheapest instance until its streams outweigh the difference, then both in turn", () => {
    const offers = [instance("s1", "near", 1), instance("s2", "far", 4)];
    expect([...opened(offers, 4)]).toEqual([
      ["near", 4],
      ["far", 0],
    ]);
    expect([...opened(offers, 9)]).toEqual([
      ["near", 6],
      ["far", 3],
    ]);
  });

  it("selects the cheaper of two equal sums, with a session or without", () => {
    const offers = [instance("s2", "far", 2), instance("s1", "near", 1)];
    expect(order({ near: { streams: 1 }, far: { session: true } }, offers)).toEqual(["near", "far"]);
  });

  it("assumes a cost of 1 where the edge names none", () => {
    expect(order({ b3: { streams: 0 } }, [instance("s1", "b1", 2), c])).toEqual(["b3", "b1"]);
    expect(order({ b3: { streams: 2 } }, [instance("s1", "b1", 2), c])).toEqual(["b1", "b3"]);
  });

  it("always selects an instance that did not fail with the lowest sum of cost and streams", () => {
    const anyOne = fc.record({
      cost: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
      streams: fc.nat(20),
      session: fc.boolean(),
      failing: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyOne, { minLength: 1, maxLength: 8 }), (list) => {
        const offers = list.map(({ cost }, index) => instance(`s${index}`, `b${index}`, cost));
        const loads = new Map(list.map((one, index) => [`b${index}`, one]));
        const loadOf = ({ boot }: VisibleOffer): Load => loads.get(boot) ?? idle;
        const sum = (one: VisibleOffer) => (one.cost ?? 1) + loadOf(one).streams;
        const sorted = inOrder(offers, loadOf);
        expect(new Set(sorted)).toEqual(new Set(offers));
        const good = offers.filter((one) => !loadOf(one).failing);
        const candidates = good.length > 0 ? good : offers;
        const [first] = sorted;
        expect(first && sum(first)).toBe(Math.min(...candidates.map(sum)));
        // The order does not depend on the order of the input.
        expect(inOrder([...offers].reverse(), loadOf)).toEqual(sorted);
      }),
    );
  });

  it("keeps the sums of all used instances within one of each other, whatever the costs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
        fc.nat(200),
        (costs, count) => {
          const offers = costs.map((cost, index) => instance(`s${index}`, `b${index}`, cost));
          const streams = opened(offers, count);
          const sums = offers.map(({ boot, cost = 1 }) => ({ got: streams.get(boot) ?? 0, cost }));
          const used = sums.filter(({ got }) => got > 0).map(({ got, cost }) => got + cost);
          if (used.length === 0) return;
          expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
          // An unused instance would have been no better.
          for (const { got, cost } of sums) {
            if (got === 0) expect(cost).toBeGreaterThanOrEqual(Math.max(...used) - 1);
          }
        },
      ),
    );
  });
});
