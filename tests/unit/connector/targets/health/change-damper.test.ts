import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ChangeDamper,
  FORGET_MS,
  LEAST_MS,
  LONGEST_MS,
} from "../../../../../connector/targets/health/change-damper.ts";

describe("ChangeDamper", () => {
  it("lets the first withdrawal through at once, and the return a second later", () => {
    const damper = new ChangeDamper(() => 0);
    expect(damper.dueAt(true, 5000)).toBe(5000);
    damper.note(true, 5000);
    expect(damper.dueAt(false, 5100)).toBe(6000);
    damper.note(false, 6000);
    expect(damper.dueAt(true, 6001)).toBe(7000);
  });

  it("spreads the waits by jitter", () => {
    const damper = new ChangeDamper(() => 0.5);
    damper.note(true, 0);
    expect(damper.dueAt(false, 0)).toBe(1250);
  });

  it("doubles the wait of a return with each withdrawal, up to 30 s, and forgets after two minutes", () => {
    const damper = new ChangeDamper(() => 0);
    const waits: number[] = [];
    let now = 0;
    for (let withdrawals = 0; withdrawals < 8; withdrawals++) {
      damper.note(true, now);
      const due = damper.dueAt(false, now);
      waits.push(due - now);
      now = due;
      damper.note(false, now);
      now += LEAST_MS;
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    now += FORGET_MS;
    damper.note(true, now);
    expect(damper.dueAt(false, now) - now).toBe(LEAST_MS);
  });

  it("keeps an offer that flaps as fast as it can to a few changes a minute", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 100, maxLength: 300 }),
        (steps) => {
          const damper = new ChangeDamper(() => 0);
          const changes: number[] = [];
          let now = 0;
          let published = true;
          for (const step of steps) {
            now += step;
            if (damper.dueAt(published, now) > now) continue;
            damper.note(published, now);
            published = !published;
            changes.push(now);
          }
          for (const [at, change] of changes.entries()) {
            const tenth = changes[at + 12];
            if (tenth !== undefined) expect(tenth - change).toBeGreaterThan(LONGEST_MS);
          }
        },
      ),
    );
  });
});
