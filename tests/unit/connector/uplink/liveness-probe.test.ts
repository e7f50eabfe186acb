/** The probe of an uplink and its replacement, on a fake clock. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LivenessProbe, type LivenessProbeOptions } from "../../../../connector/uplink/liveness-probe.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

class FakeUplink {
  isOpen = true;
  probes = 0;
  /** Time until the keep-alive is answered, ms; null for never. */
  answerMs: number | null = null;

  probe(): Promise<void> {
    this.probes += 1;
    const { answerMs } = this;
    return new Promise((resolve) => {
      if (answerMs !== null) setTimeout(resolve, answerMs);
    });
  }
}

interface Replacement {
  readonly at: number;
  readonly alive: AbortSignal;
  readonly done: () => void;
}

function setUp(options: Partial<LivenessProbeOptions<FakeUplink>> = {}) {
  const replacements: Replacement[] = [];
  const probe = new LivenessProbe<FakeUplink>({
    replace: (_, alive) =>
      new Promise((done) => {
        replacements.push({ at: Date.now(), alive, done });
      }),
    rtt: () => 20,
    random: () => 0.5,
    now: Date.now,
    log: new MemoryLog(),
    ...options,
  });
  return { probe, uplink: new FakeUplink(), replacements };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an uplink with an unanswered request", () => {
  it("is probed after 5 seconds without an answer, and replaced within 4 more without one", async () => {
    const { probe, uplink, replacements } = setUp();
    probe.requestSent(uplink);
    await pass(4999);
    expect(uplink.probes).toBe(0);
    await pass(1);
    expect(uplink.probes).toBe(1);
    await pass(2999);
    expect(replacements).toEqual([]);
    await pass(1);
    expect(replacements).toMatchObject([{ at: 8000, alive: { aborted: false } }]);
  });

  it("is neither probed nor replaced when the answer comes in time, or after it has ended", async () => {
    const { probe, uplink, replacements } = setUp();
    const done = probe.requestSent(uplink);
    await pass(4000);
    done(true);
    await pass(60_000);
    expect(uplink.probes).toBe(0);

    probe.requestSent(uplink);
    uplink.isOpen = false;
    await pass(60_000);
    expect(uplink.probes).toBe(0);

    uplink.isOpen = true;
    probe.requestSent(uplink);
    await pass(5000);
    uplink.isOpen = false;
    await pass(60_000);
    expect(replacements).toEqual([]);
  });

  it("is kept when it answers the probe, however often its edge is slow", async () => {
    const { probe, uplink, replacements } = setUp();
    uplink.answerMs = 1500;
    for (let request = 0; request < 10; request++) {
      const done = probe.requestSent(uplink);
      await pass(10_000);
      done(false);
    }
    expect(uplink.probes).toBe(10);
    expect(replacements).toEqual([]);
  });

  it("is kept when it answers the probe while its replacement is opened", async () => {
    const { probe, uplink, replacements } = setUp();
    uplink.answerMs = 6000;
    probe.requestSent(uplink);
    await pass(10_999);
    expect(replacements[0]?.alive.aborted).toBe(false);
    await pass(1);
    expect(replacements[0]?.alive.aborted).toBe(true);
  });

  it("is given eight round trips to answer the probe", async () => {
    const { probe, uplink, replacements } = setUp({ rtt: () => 1000, random: () => 0 });
    probe.requestSent(uplink);
    await pass(12_999);
    expect(replacements).toEqual([]);
    await pass(1);
    expect(replacements).toHaveLength(1);
  });

  it("is probed once, however many requests wait", async () => {
    const { probe, uplink, replacements } = setUp();
    for (let request = 0; request < 100; request++) probe.requestSent(uplink);
    await pass(60_000);
    expect(uplink.probes).toBe(1);
    expect(replacements).toHaveLength(1);
  });
});

describe("sites whose uplinks fell silent together", () => {
  it("return spread out", async () => {
    const at: number[] = [];
    for (let site = 0; site < 100; site++) {
      const { probe, uplink } = setUp({
        random: () => site / 100,
        replace: async () => void at.push(Date.now()),
      });
      probe.requestSent(uplink);
    }
    await pass(60_000);
    expect(at).toHaveLength(100);
    expect([Math.min(...at), Math.max(...at)]).toEqual([7000, 8980]);
    const busiest = Math.max(
      ...at.map((begin) => at.filter((other) => other >= begin && other < begin + 100).length),
    );
    expect(busiest).toBeLessThanOrEqual(6);
  });

  it("return ever later to an edge that accepts uplinks and answers nothing", async () => {
    const { probe, replacements } = setUp();
    // Requests of 10 seconds follow each other, as of a session that needs lanes.
    for (let uplink = new FakeUplink(); Date.now() < 900_000; ) {
      const before = replacements.length;
      const done = probe.requestSent(uplink);
      await pass(10_000);
      done(false);
      if (replacements.length === before) continue;
      replacements.at(-1)?.done();
      uplink = new FakeUplink();
    }
    const gaps = replacements.map(({ at }, index) => at - (replacements[index - 1]?.at ?? 0));
    // Three quarters of 20, 40, 80, 160 and 160 seconds, rounded up to the next unanswered request.
    expect(gaps).toEqual([
      8000, 20_000, 30_000, 60_000, 120_000, 120_000, 120_000, 120_000, 120_000, 120_000,
    ]);
  });

  it("probe as early as at first once a request was answered in time", async () => {
    const { probe, uplink, replacements } = setUp();
    probe.requestSent(uplink);
    await pass(8000);
    replacements[0]?.done();
    await pass(0);
    const next = new FakeUplink();
    probe.requestSent(next)(true);
    probe.requestSent(next);
    await pass(8000);
    expect(replacements).toHaveLength(2);
  });
});
