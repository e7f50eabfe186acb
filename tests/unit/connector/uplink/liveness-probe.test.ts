/** When an uplink is doubted, probed and replaced, on a clock of the test's own. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Doubts, type DoubtsOptions } from "../../../../connector/uplink/liveness-probe.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

class FakeUplink {
  isOpen = true;
  probes = 0;
  /** How long a sign of life takes, ms; null for one that never comes. */
  signMs: number | null = null;

  probe(): Promise<void> {
    this.probes += 1;
    const { signMs } = this;
    return new Promise((resolve) => {
      if (signMs !== null) setTimeout(resolve, signMs);
    });
  }
}

interface Replacement {
  readonly at: number;
  readonly lives: AbortSignal;
  readonly done: () => void;
}

function setUp(options: Partial<DoubtsOptions<FakeUplink>> = {}) {
  const replacements: Replacement[] = [];
  const doubts = new Doubts<FakeUplink>({
    replace: (_, lives) =>
      new Promise((done) => {
        replacements.push({ at: Date.now(), lives, done });
      }),
    rtt: () => 20,
    random: () => 0.5,
    now: Date.now,
    log: new MemoryLog(),
    ...options,
  });
  return { doubts, uplink: new FakeUplink(), replacements };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an uplink over which a question went out", () => {
  it("is asked for a sign of life after 5 seconds without an answer, and replaced within 4 more without one", async () => {
    const { doubts, uplink, replacements } = setUp();
    doubts.asked(uplink);
    await pass(4999);
    expect(uplink.probes).toBe(0);
    await pass(1);
    expect(uplink.probes).toBe(1);
    await pass(2999);
    expect(replacements).toEqual([]);
    await pass(1);
    expect(replacements).toMatchObject([{ at: 8000, lives: { aborted: false } }]);
  });

  it("is let be when the answer comes in time, and when it ends", async () => {
    const { doubts, uplink, replacements } = setUp();
    const done = doubts.asked(uplink);
    await pass(4000);
    done(true);
    await pass(60_000);
    expect(uplink.probes).toBe(0);

    doubts.asked(uplink);
    uplink.isOpen = false;
    await pass(60_000);
    expect(uplink.probes).toBe(0);

    uplink.isOpen = true;
    doubts.asked(uplink);
    await pass(5000);
    uplink.isOpen = false;
    await pass(60_000);
    expect(replacements).toEqual([]);
  });

  it("is kept when it gives a sign of life, however often its edge is slow", async () => {
    const { doubts, uplink, replacements } = setUp();
    uplink.signMs = 1500;
    for (let question = 0; question < 10; question++) {
      const done = doubts.asked(uplink);
      await pass(10_000);
      done(false);
    }
    expect(uplink.probes).toBe(10);
    expect(replacements).toEqual([]);
  });

  it("is kept when the sign of life comes while another is being opened", async () => {
    const { doubts, uplink, replacements } = setUp();
    uplink.signMs = 6000;
    doubts.asked(uplink);
    await pass(10_999);
    expect(replacements[0]?.lives.aborted).toBe(false);
    await pass(1);
    expect(replacements[0]?.lives.aborted).toBe(true);
  });

  it("is given as long for a sign of life as its round trips need", async () => {
    const { doubts, uplink, replacements } = setUp({ rtt: () => 1000, random: () => 0 });
    doubts.asked(uplink);
    await pass(12_999);
    expect(replacements).toEqual([]);
    await pass(1);
    expect(replacements).toHaveLength(1);
  });

  it("is doubted once, however many questions wait", async () => {
    const { doubts, uplink, replacements } = setUp();
    for (let question = 0; question < 100; question++) doubts.asked(uplink);
    await pass(60_000);
    expect(uplink.probes).toBe(1);
    expect(replacements).toHaveLength(1);
  });
});

describe("many sites whose uplinks fell silent together", () => {
  it("come back spread out", async () => {
    const at: number[] = [];
    for (let site = 0; site < 100; site++) {
      const { doubts, uplink } = setUp({
        random: () => site / 100,
        replace: async () => void at.push(Date.now()),
      });
      doubts.asked(uplink);
    }
    await pass(60_000);
    expect(at).toHaveLength(100);
    expect([Math.min(...at), Math.max(...at)]).toEqual([7000, 8980]);
    const busiest = Math.max(
      ...at.map((begin) => at.filter((one) => one >= begin && one < begin + 100).length),
    );
    expect(busiest).toBeLessThanOrEqual(6);
  });

  it("leave an edge more and more time that takes uplinks and answers nothing", async () => {
    const { doubts, replacements } = setUp();
    // A question waits at every moment, 10 seconds each, as of a session that wants lanes.
    for (let uplink = new FakeUplink(); Date.now() < 900_000; ) {
      const before = replacements.length;
      const done = doubts.asked(uplink);
      await pass(10_000);
      done(false);
      if (replacements.length === before) continue;
      replacements.at(-1)?.done();
      uplink = new FakeUplink();
    }
    const gaps = replacements.map(({ at }, index) => at - (replacements[index - 1]?.at ?? 0));
    // Three quarters of 20, 40, 80, 160 and 160 seconds, up to the next question that is not answered.
    expect(gaps).toEqual([
      8000, 20_000, 30_000, 60_000, 120_000, 120_000, 120_000, 120_000, 120_000, 120_000,
    ]);
  });

  it("are as attentive as before once a question was answered in time", async () => {
    const { doubts, uplink, replacements } = setUp();
    doubts.asked(uplink);
    await pass(8000);
    replacements[0]?.done();
    await pass(0);
    const next = new FakeUplink();
    doubts.asked(next)(true);
    doubts.asked(next);
    await pass(8000);
    expect(replacements).toHaveLength(2);
  });
});
