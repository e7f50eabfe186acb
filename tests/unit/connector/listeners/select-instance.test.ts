import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, selectInstance } from "../../../../connector/listeners/select-instance.ts";

interface Named extends Candidate {
  readonly name: string;
}

const IDLE: Candidate = {
  ...{ cost: 1, open: 0, own: false, weight: 100, rank: 0 },
  ...{ failing: false, ejected: false, turn: 0 },
};

const candidate = (name: string, given: Partial<Candidate> = {}): Named => ({ ...IDLE, ...given, name });

/** Chance that keeps the first of equals. */
const first = () => 0;

/** Returns the order in which the candidates are selected when each is selected once. */
function order(candidates: readonly Named[], balance: "cost" | "priority" | "weighted" = "cost"): string[] {
  const left = new Set(candidates);
  const names: string[] = [];
  for (;;) {
    const next = selectInstance(left, balance, first);
    if (next === undefined) return names;
    left.delete(next);
    names.push(next.name);
  }
}

const anyCandidate = fc.record({
  ...{ cost: fc.nat(20), open: fc.nat(20), own: fc.boolean(), weight: fc.nat(3), rank: fc.nat(3) },
  ...{ failing: fc.boolean(), ejected: fc.boolean(), turn: fc.nat(3) },
});
const anyList = fc
  .array(anyCandidate, { minLength: 1, maxLength: 8 })
  .map((list) => list.map((one, index) => candidate(`i${index}`, one)));

describe("selectInstance", () => {
  it("selects nothing where there is nothing", () => {
    expect(selectInstance([], "cost", first)).toBeUndefined();
  });

  it("selects an ejected instance after those in use, and a failing one after all others, whatever the costs", () => {
    const list = [
      candidate("failing and ejected", { failing: true, ejected: true }),
      candidate("failing", { failing: true }),
      candidate("ejected", { ejected: true, rank: 1, weight: 1000 }),
      candidate("busy", { cost: 90, open: 9, rank: 5, weight: 0, turn: 9 }),
    ];
    for (const balance of ["cost", "priority", "weighted"] as const) {
      expect(order(list, balance)).toEqual(["busy", "ejected", "failing", "failing and ejected"]);
    }
  });

  it("selects each of several equals with the same chance", () => {
    const list = [candidate("a", { cost: 2 }), candidate("b"), candidate("c"), candidate("d")];
    const counts = new Map<string, number>();
    const steps = 300;
    for (let step = 0; step < steps; step++) {
      const numbers = [(step % 20) / 20, (step % 15) / 15].values();
      const name = selectInstance(list, "cost", () => numbers.next().value ?? 0)?.name ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(["b", "c", "d"]);
    for (const count of counts.values()) expect(count).toBeCloseTo(steps / 3, -1.3);
  });
});

describe("selectInstance by cost", () => {
  it("selects the lowest sum of cost and open requests, then the cheaper, then this connector, then the turn", () => {
    const list = [
      candidate("sum 5", { cost: 1, open: 4 }),
      candidate("sum 3, later turn", { cost: 2, open: 1, turn: 1 }),
      candidate("sum 3", { cost: 2, open: 1 }),
      candidate("sum 3, own", { cost: 2, open: 1, own: true, turn: 7 }),
      candidate("sum 3, cheaper", { cost: 1, open: 2, turn: 9 }),
      candidate("sum 1", { cost: 0, open: 1 }),
    ];
    expect(order(list)).toEqual([
      ...["sum 1", "sum 3, cheaper", "sum 3, own", "sum 3", "sum 3, later turn", "sum 5"],
    ]);
  });

  it("always selects the lowest sum among those that neither fail nor are ejected", () => {
    fc.assert(
      fc.property(anyList, fc.double({ min: 0, max: 0.999, noNaN: true }), (list, chance) => {
        const good = list.filter(({ failing, ejected }) => !failing && !ejected);
        fc.pre(good.length > 0);
        const best = selectInstance(list, "cost", () => chance);
        const sums = good.map(({ cost, open }) => cost + open);
        expect(best && !best.failing && !best.ejected && best.cost + best.open).toBe(Math.min(...sums));
      }),
    );
  });
});

describe("selectInstance by priority", () => {
  it("selects the lowest rank whatever its load, and by cost among equal ranks", () => {
    const list = [
      candidate("second", { rank: 1 }),
      candidate("first, busy", { rank: 0, cost: 50, open: 50 }),
      candidate("first", { rank: 0, cost: 40, open: 50 }),
    ];
    expect(order(list, "priority")).toEqual(["first", "first, busy", "second"]);
  });
});

describe("selectInstance by weight", () => {
  it("selects the lowest turn whatever cost and load, and an instance of weight 0 after all others", () => {
    const list = [
      candidate("none", { weight: 0 }),
      candidate("third", { turn: 3 }),
      candidate("second", { turn: 2, cost: 900, open: 900 }),
    ];
    expect(order(list, "weighted")).toEqual(["second", "third", "none"]);
  });
});
