import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type InstanceTurns, Turns } from "../../../../connector/listeners/turns.ts";

/** Gives so many turns to instances of these weights. Returns the instances in their order. */
function serve(
  turns: Turns,
  instances: readonly { turns: InstanceTurns; weight: number }[],
  count: number,
): number[] {
  return Array.from({ length: count }, () => {
    const dues = instances.map((one) => turns.next(one.turns, one.weight));
    const index = dues.indexOf(Math.min(...dues));
    const one = instances[index];
    if (one) turns.take(one.turns, one.weight);
    return index;
  });
}

const instancesOf = (...weights: readonly number[]) =>
  weights.map((weight) => ({ turns: Turns.none(), weight }));
const countOf = (served: readonly number[], index: number) => served.filter((one) => one === index).length;

describe("Turns", () => {
  it("follow the weights in any stretch of turns, without bursts", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), (weights) => {
        const served = serve(new Turns(), instancesOf(...weights), 500);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, index) => {
          const due = (500 * weight) / total;
          expect(Math.abs(countOf(served, index) - due)).toBeLessThanOrEqual(weights.length + 1);
        });
      }),
    );
  });

  it("share equally to within one turn at every moment among equal weights", () => {
    const served = serve(new Turns(), instancesOf(1, 1, 1), 100);
    for (let end = 1; end <= served.length; end++) {
      const counts = [0, 1, 2].map((index) => countOf(served.slice(0, end), index));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it("apply another weight at once", () => {
    const turns = new Turns();
    const instances = instancesOf(1, 1000);
    serve(turns, instances, 2000);
    const [slow] = instances;
    if (slow) slow.weight = 1000;
    const served = serve(turns, instances, 100);
    expect(countOf(served, 0)).toBeGreaterThan(45);
  });

  it("do not let an instance catch up that is new or was left out for a while", () => {
    const turns = new Turns();
    const old = instancesOf(1, 1);
    serve(turns, old.slice(0, 1), 1000);
    const served = serve(turns, [...old, ...instancesOf(1)], 30);
    for (const index of [0, 1, 2]) expect(countOf(served, index)).toBe(10);
  });
});
