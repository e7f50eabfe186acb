import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BalancedInstance, Balancer, type Turn } from "../../../../connector/listeners/balancer.ts";
import { BACK_OFF } from "../../../../connector/listeners/circuit-breakers.ts";
import { EJECTION } from "../../../../connector/listeners/ejections.ts";
import type { BalanceMode } from "../../../../protocol/balance.ts";

const instance = (boot: string, given: Partial<BalancedInstance> = {}): BalancedInstance => ({
  ...{ site: `s-${boot}`, boot },
  ...given,
});

/** A generator with a seed: tests repeat what they did. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function setUp(seed = 1) {
  const clock = { now: 1 };
  const balancer = new Balancer({ now: () => clock.now, random: chance(seed) });
  /** Starts a request at the best instance. */
  const request = (
    instances: readonly BalancedInstance[],
    balance?: BalanceMode,
  ): { boot: string; turn: Turn } => {
    const service = { name: "api", balance };
    const best = balancer.round(service, instances).next();
    if (best === undefined) throw new Error("There is no instance.");
    const turn = balancer.begin(service, best);
    turn.succeeded();
    return { boot: best.boot, turn };
  };
  /** Makes so many requests one after another. Returns how many each instance got. */
  const requests = (count: number, instances: readonly BalancedInstance[], balance?: BalanceMode) => {
    const counts = new Map(instances.map(({ boot }) => [boot, 0]));
    for (let made = 0; made < count; made++) {
      const { boot, turn } = request(instances, balance);
      counts.set(boot, (counts.get(boot) ?? 0) + 1);
      turn.ended("answered");
    }
    return Object.fromEntries(counts);
  };
  const answer = (boot: string, verdict: "answered" | "failed", instances: readonly BalancedInstance[]) => {
    const at = instances.find((one) => one.boot === boot);
    if (at === undefined) throw new Error(`There is no instance ${boot}.`);
    const turn = balancer.begin({ name: "api" }, at);
    turn.succeeded();
    turn.ended(verdict);
  };
  /** Lets instances fail until they are ejected. */
  const eject = (...ejected: readonly BalancedInstance[]) => {
    for (const one of ejected) {
      for (let time = 0; time < EJECTION.failures; time++) answer(one.boot, "failed", ejected);
    }
  };
  return { clock, balancer, request, requests, eject, answer };
}

const PAIR = [instance("a"), instance("b")];

describe("Balancer", () => {
  it("splits 1,000 requests, one after another, over two equal instances in halves", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const counts = setUp(seed).requests(1000, PAIR);
      for (const { boot } of PAIR) {
        expect(counts[boot]).toBeGreaterThanOrEqual(480);
        expect(counts[boot]).toBeLessThanOrEqual(520);
      }
    }
  });

  it("gives the first of equals to chance", () => {
    const firsts = new Set(
      Array.from({ length: 30 }, (_, seed) => setUp(seed * 7919 + 1).request(PAIR).boot),
    );
    expect([...firsts].sort()).toEqual(["a", "b"]);
  });

  it("splits requests that overlap by the sum of cost and open requests", () => {
    const { balancer, request } = setUp();
    const [near, far] = [instance("near", { cost: 1 }), instance("far", { cost: 4 })];
    const offers = [near, far];
    const turns = Array.from({ length: 9 }, () => request(offers).turn);
    expect([near, far].map((one) => balancer.openAt("api", one))).toEqual([6, 3]);
    for (const turn of turns) turn.ended("unknown");
    for (const offer of offers) expect(balancer.openAt("api", offer)).toBe(0);
  });

  it("uses the targets of this connector until their open requests outweigh the cost of the others", () => {
    const { request } = setUp();
    const offers = [instance("other"), instance("own", { cost: 0, own: true })];
    expect(Array.from({ length: 4 }, () => request(offers).boot)).toEqual(["own", "own", "other", "own"]);
  });

  it("counts a service's requests apart from those of other services", () => {
    const { balancer } = setUp();
    for (let time = 0; time < 50; time++) balancer.begin({ name: "chat" }, instance("a")).succeeded();
    expect(balancer.openAt("api", instance("a"))).toBe(0);
  });

  it("keeps the sums of all used instances within one of each other, whatever the costs and the ends", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(3), { maxLength: 300 }),
        fc.nat(),
        (costs, steps, seed) => {
          const { balancer, request } = setUp(seed);
          const offers = costs.map((cost, index) => instance(`i${index}`, { cost }));
          for (let step = 0; step < steps.length; step++) {
            const sums = offers.map((one) => (one.cost ?? 1) + balancer.openAt("api", one));
            const { boot } = request(offers);
            const index = offers.findIndex((one) => one.boot === boot);
            expect(sums[index]).toBe(Math.min(...sums));
          }
        },
      ),
    );
  });

  it("sends all to the first site that is reachable under priority, in the order of ranks", () => {
    const { requests, balancer } = setUp();
    const offers = [
      instance("second", { rank: 2 }),
      instance("first", { rank: 1, cost: 90 }),
      instance("none", { rank: 3 }),
    ];
    expect(requests(100, offers, "priority")).toEqual({ first: 100, second: 0, none: 0 });
    const first = offers[1] ?? instance("first");
    balancer.begin({ name: "api" }, first).failed("service.refused");
    expect(requests(100, offers, "priority")).toEqual({ first: 0, second: 100, none: 0 });
    expect(requests(10, offers.slice(2), "priority")).toEqual({ none: 10 });
  });

  it("follows the weights, and their changes at once", () => {
    const { requests } = setUp();
    const weighted = (a: number, b: number) => [
      instance("a", { weight: a, cost: 5 }),
      instance("b", { weight: b }),
    ];
    const counts = requests(1000, weighted(300, 100), "weighted");
    expect(counts.a).toBeGreaterThanOrEqual(748);
    expect(counts.a).toBeLessThanOrEqual(752);
    expect(requests(100, weighted(0, 100), "weighted")).toEqual({ a: 0, b: 100 });
    const changed = requests(100, weighted(1, 1), "weighted");
    expect(Math.abs((changed.a ?? 0) - 50)).toBeLessThanOrEqual(2);
  });

  it("tries every instance once in a round, the best of the untried first", () => {
    const { balancer } = setUp();
    const offers = [instance("b", { cost: 2 }), instance("c", { cost: 3 }), instance("a")];
    const round = balancer.round({ name: "api" }, offers);
    expect([round.next()?.boot, round.next()?.boot, round.next()?.boot, round.next()]).toEqual([
      ...["a", "b", "c"],
      undefined,
    ]);
  });

  it("avoids an instance that failed a moment ago, and gives it one trial after the back-off", () => {
    const { clock, balancer, requests, request } = setUp();
    balancer.begin({ name: "api" }, instance("a")).failed("session.timeout");
    expect(requests(50, PAIR)).toEqual({ a: 0, b: 50 });
    clock.now += BACK_OFF.first;
    const both = [request(PAIR), request(PAIR), request(PAIR)];
    expect(both.map(({ boot }) => boot)).toContain("a");
    for (const { turn } of both) turn.ended("answered");
    expect(requests(100, PAIR).a).toBeGreaterThan(45);
  });

  it("avoids an instance whose session ended under a request", () => {
    const { balancer, requests } = setUp();
    const turn = balancer.begin({ name: "api" }, instance("a"));
    turn.succeeded();
    turn.ended("unknown", "session.peer_gone");
    expect(requests(50, PAIR)).toEqual({ a: 0, b: 50 });
  });

  it("avoids an ejected instance, and gives it one request after the ejection", () => {
    const { clock, requests, eject, balancer } = setUp();
    const [a = instance("a")] = PAIR;
    eject(a);
    expect(requests(50, PAIR)).toEqual({ a: 0, b: 50 });
    clock.now += EJECTION.firstMs;
    const round = balancer.round({ name: "api" }, PAIR);
    expect([round.next(), round.next()].map((one) => one?.boot).sort()).toEqual(["a", "b"]);
    expect(requests(100, PAIR).a).toBeGreaterThan(45);
  });

  it("uses all instances while more than half of them are ejected", () => {
    const { requests, eject } = setUp();
    const [a = instance("a"), b = instance("b")] = PAIR;
    const offers = [...PAIR, instance("c"), instance("d")];
    eject(a, b);
    expect(requests(100, offers)).toEqual({ a: 0, b: 0, c: 50, d: 50 });
    const three = offers.slice(0, 3);
    for (const count of Object.values(requests(99, three)))
      expect(Math.abs(count - 33)).toBeLessThanOrEqual(1);
    eject(a, b);
    for (const count of Object.values(requests(100, PAIR)))
      expect(Math.abs(count - 50)).toBeLessThanOrEqual(1);
  });

  it("never leaves a request without an instance, whatever fails and whenever", () => {
    const outcome = fc.constantFrom(
      "answered",
      "failed",
      "refused",
      "abandoned",
      "open",
    ) as fc.Arbitrary<string>;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(outcome, fc.nat(20_000)), { maxLength: 300 }),
        fc.nat(),
        (steps, seed) => {
          const { clock, balancer } = setUp(seed);
          const offers = [instance("a"), instance("b"), instance("c")];
          let open = 0;
          for (const [end, ms] of steps) {
            clock.now += ms;
            const best = balancer.round({ name: "api" }, offers).next();
            expect(best).toBeDefined();
            if (best === undefined) return;
            const turn = balancer.begin({ name: "api" }, best);
            if (end === "refused") turn.failed("service.refused");
            else if (end === "abandoned") turn.abandoned();
            else turn.succeeded();
            if (end === "answered" || end === "failed") turn.ended(end);
            if (end === "open") open++;
          }
          expect(offers.reduce((sum, one) => sum + balancer.openAt("api", one), 0)).toBe(open);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keeps nothing of instances that are gone", () => {
    const { requests, balancer } = setUp();
    for (let round = 0; round < 500; round++) requests(2, [instance(`x${round}`), instance(`y${round}`)]);
    expect(balancer.openAt("api", instance("x1"))).toBe(0);
  });
});
