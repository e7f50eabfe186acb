import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_RULES } from "../../../../../connector/config/health-options.ts";
import {
  type Failure,
  JITTER,
  RECHECK_MS,
  REQUEST_FALL,
  TargetHealth,
} from "../../../../../connector/targets/health/target-health.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";

const REFUSED: Failure = { error: new FairleadError("service.refused"), noConnection: true };
const WRONG: Failure = { error: new FairleadError("service.check_failed"), noConnection: false };

function make({ periodic = false, connectsOnly = true, isUp = true, random = (): number => 0.5 } = {}) {
  return new TargetHealth({ rules: DEFAULT_RULES, periodic, connectsOnly, isUp, random }, 0);
}

describe("TargetHealth without a configured check", () => {
  it("is checked once at the start, and not again while nothing fails", () => {
    const health = make();
    expect(health.nextCheckAt).toBe(0);
    expect(health.noteCheck(null, 0)).toBe(false);
    expect(health).toMatchObject({ isUp: true, nextCheckAt: null });
    health.connectionSucceeded();
    expect(health.nextCheckAt).toBeNull();
  });

  it("is checked 250 ms after a refused connection, and is down after the third failure in a row", () => {
    const health = make();
    health.noteCheck(null, 0);
    expect(health.connectionFailed(REFUSED, 1000)).toBe(false);
    expect(health.nextCheckAt).toBe(1000 + RECHECK_MS);
    expect(health.noteCheck(REFUSED, 1250)).toBe(false);
    expect(health.nextCheckAt).toBe(1500);
    expect(health.noteCheck(REFUSED, 1500)).toBe(true);
    expect(health).toMatchObject({ isUp: false, failure: REFUSED });
  });

  it("counts connections that fail together once", () => {
    const health = make();
    health.noteCheck(null, 0);
    for (let at = 1000; at < 1000 + RECHECK_MS; at++)
      expect(health.connectionFailed(REFUSED, at)).toBe(false);
    expect(health.connectionFailed(REFUSED, 1250)).toBe(false);
    expect(health.connectionFailed(REFUSED, 1500)).toBe(true);
  });

  it("is checked at once when a client gave up a connection, which alone is no failure", () => {
    const health = make();
    health.noteCheck(null, 0);
    health.doubt(1000);
    expect([health.nextCheckAt, health.isUp, health.failure]).toEqual([1000, true, null]);
    health.noteCheck(null, 1100);
    expect(health.nextCheckAt).toBe(null);
  });

  it("forgets failures after a connection that came about, and needs no further check", () => {
    const health = make();
    health.noteCheck(null, 0);
    health.connectionFailed(REFUSED, 1000);
    health.noteCheck(REFUSED, 1250);
    health.connectionSucceeded();
    expect(health).toMatchObject({ isUp: true, failure: null, nextCheckAt: null });
    health.connectionFailed(REFUSED, 2000);
    expect(health.noteCheck(REFUSED, 2250)).toBe(false);
  });

  it("is checked less and less often while it is down, up to the interval", () => {
    const health = make();
    let now = 0;
    const waits: number[] = [];
    for (let failures = 0; failures < 10; failures++) {
      health.noteCheck(REFUSED, now);
      waits.push((health.nextCheckAt ?? 0) - now);
      now = health.nextCheckAt ?? 0;
    }
    expect(waits).toEqual([250, 250, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  it("is up after two successful checks in a row, 250 ms apart", () => {
    const health = make({ isUp: false });
    expect(health.noteCheck(null, 0)).toBe(false);
    expect(health.nextCheckAt).toBe(RECHECK_MS);
    expect(health.noteCheck(REFUSED, 250)).toBe(false);
    expect(health.noteCheck(null, 500)).toBe(false);
    expect(health.noteCheck(null, 750)).toBe(true);
    expect(health).toMatchObject({ isUp: true, failure: null, nextCheckAt: null });
  });

  it("stays down when a connection comes about, until its checks succeed", () => {
    const health = make();
    for (const at of [0, 250, 500]) health.noteCheck(REFUSED, at);
    health.connectionSucceeded();
    expect(health.isUp).toBe(false);
  });

  it("is down after five requests in a row without an answer, for an interval at least", () => {
    const health = make();
    health.noteCheck(null, 0);
    for (let failures = 1; failures < REQUEST_FALL; failures++) health.requestFailed(WRONG, 1000);
    health.requestSucceeded();
    for (let failures = 1; failures < REQUEST_FALL; failures++) {
      expect(health.requestFailed(WRONG, 1000)).toBe(false);
    }
    expect(health.requestFailed(WRONG, 1000)).toBe(true);
    expect(health.nextCheckAt).toBe(6000);
    expect(health.noteCheck(null, 6000)).toBe(false);
    expect(health.nextCheckAt).toBe(11_000);
    expect(health.noteCheck(null, 11_000)).toBe(true);
    expect(health.requestFailed(WRONG, 11_001)).toBe(false);
  });
});

describe("TargetHealth with a configured check", () => {
  it("is checked at each interval, give or take a fifth", () => {
    for (const [random, wait] of [
      [0, 5000 * (1 - JITTER)],
      [0.5, 5000],
      [0.999_999, 5000 * (1 + JITTER)],
    ] as const) {
      const health = make({ periodic: true, random: () => random });
      health.noteCheck(null, 0);
      expect(health.nextCheckAt).toBeCloseTo(wait, 1);
    }
  });

  it("waits the interval after a wrong answer, and after a right one while it is down", () => {
    const health = make({ periodic: true, connectsOnly: false });
    expect(health.noteCheck(WRONG, 0)).toBe(false);
    expect(health.noteCheck(WRONG, 5000)).toBe(false);
    expect(health.noteCheck(WRONG, 10_000)).toBe(true);
    expect(health.noteCheck(null, 15_000)).toBe(false);
    expect(health.nextCheckAt).toBe(20_000);
    expect(health.noteCheck(null, 20_000)).toBe(true);
  });

  it("keeps its failed checks when connections come about", () => {
    const health = make({ periodic: true, connectsOnly: false });
    health.noteCheck(WRONG, 0);
    health.connectionSucceeded();
    health.noteCheck(WRONG, 5000);
    health.connectionSucceeded();
    expect(health.noteCheck(WRONG, 10_000)).toBe(true);
  });

  it("is down after refused connections as well", () => {
    const health = make({ periodic: true, connectsOnly: false });
    health.noteCheck(null, 0);
    expect(health.connectionFailed(REFUSED, 1000)).toBe(false);
    expect(health.connectionFailed(REFUSED, 1300)).toBe(false);
    expect(health.connectionFailed(REFUSED, 1600)).toBe(true);
    expect(health.nextCheckAt).toBe(1250);
  });

  it("is checked an interval later when a check said nothing", () => {
    const health = make({ periodic: true });
    health.postpone(0);
    expect(health).toMatchObject({ isUp: true, failure: null, nextCheckAt: 5000 });
  });
});

/** A target that answers or not, over time: the moments at which that changes. */
const fates = fc.array(fc.integer({ min: 50, max: 20_000 }), { maxLength: 40 });

describe("TargetHealth of a target that comes and goes", () => {
  it("changes only after enough results in a row, and finds the truth in bounded time", () => {
    fc.assert(
      fc.property(fates, fc.boolean(), fc.integer({ min: 0, max: 999 }), (times, periodic, seed) => {
        let draw = seed;
        const random = () => {
          draw = (draw * 7919 + 13) % 1000;
          return draw / 1000;
        };
        const health = make({ periodic, random });
        let now = 0;
        let answers = true;
        let inARow = 0;
        let last = true;
        const check = (): void => {
          const result = answers;
          inARow = result === last ? inARow + 1 : 1;
          last = result;
          const before = health.isUp;
          const changed = health.noteCheck(result ? null : REFUSED, now);
          expect(changed).toBe(before !== health.isUp);
          if (changed)
            expect(inARow).toBeGreaterThanOrEqual(result ? DEFAULT_RULES.rise : DEFAULT_RULES.fall);
        };
        for (const lasts of times) {
          const end = now + lasts;
          while (health.nextCheckAt !== null && health.nextCheckAt < end) {
            now = Math.max(now, health.nextCheckAt);
            check();
          }
          now = end;
          answers = !answers;
        }
        // The longest way to the truth: an interval, and the checks that follow it.
        const deadline = now + 5000 * (1 + JITTER) + 3 * RECHECK_MS;
        while (health.nextCheckAt !== null && health.nextCheckAt <= deadline) {
          now = Math.max(now, health.nextCheckAt);
          check();
        }
        // A target that fails unnoticed is found by the first client.
        if (!answers && health.isUp) {
          expect(periodic).toBe(false);
          for (let failures = 0; failures < DEFAULT_RULES.fall; failures++) {
            health.connectionFailed(REFUSED, now);
            now += RECHECK_MS;
          }
        }
        expect(health.isUp).toBe(answers);
      }),
    );
  });
});
