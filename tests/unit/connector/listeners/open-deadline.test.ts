import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpenDeadline, type PeerLife } from "../../../../connector/listeners/open-deadline.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** When a deadline expires, ms; null when it does not within a minute. `life` and `patient` may change with time. */
function passesAt(life: (at: number) => PeerLife, patient: (at: number) => boolean): number | null {
  const begin = performance.now();
  const at = () => performance.now() - begin;
  let passed: number | null = null;
  const deadline = new OpenDeadline({
    life: () => life(at()),
    patient: () => patient(at()),
    expired: () => {
      passed = at();
    },
    peer: "east",
  });
  vi.advanceTimersByTime(60_000);
  deadline.clear();
  return passed;
}

const silent = (at: number): PeerLife => ({ silentMs: at + 100, roundTripMs: 20 });

describe("OpenDeadline", () => {
  it("expires within 5 s for a silent peer where another instance can serve the client", () => {
    expect(passesAt(silent, () => false)).toBeLessThan(5000);
  });

  it("expires between 5 and 10 s for a silent peer where giving up costs the connection", () => {
    const passed = passesAt(silent, () => true);
    expect(passed).toBeGreaterThan(5000);
    expect(passed).toBeLessThan(10_000);
  });

  it("expires at the later time once the client has sent bytes", () => {
    expect(passesAt(silent, (at) => at > 1000)).toBeGreaterThan(5000);
  });

  it("expires later than any target may take, for a peer that lives and does not answer", () => {
    const lives = () => ({ silentMs: 500, roundTripMs: 20 });
    expect(passesAt(lives, () => true)).toBeGreaterThan(15_000);
    expect(passesAt(lives, () => false)).toBeGreaterThan(15_000);
  });

  it("counts from the last sign of life", () => {
    const dies = (at: number) => ({ silentMs: Math.max(0, at - 4000), roundTripMs: 20 });
    const passed = passesAt(dies, () => false);
    expect(passed).toBeGreaterThan(6000);
    expect(passed).toBeLessThan(9000);
  });

  it("follows the round trip of the session", () => {
    const far = (at: number): PeerLife => ({ silentMs: at, roundTripMs: 3000 });
    expect(passesAt(far, () => false)).toBeGreaterThan(10_000);
  });

  it("ignores silence where the carrier asks for no sign of life", () => {
    expect(
      passesAt(
        () => ({ silentMs: null, roundTripMs: null }),
        () => false,
      ),
    ).toBeGreaterThan(15_000);
  });

  it("starts again when this process did not run", () => {
    const frozen = { now: 0 };
    let passed = false;
    const deadline = new OpenDeadline({
      life: () => ({ silentMs: frozen.now < 20_000 ? frozen.now : 0, roundTripMs: 20 }),
      patient: () => false,
      expired: () => {
        passed = true;
      },
      peer: "east",
      now: () => frozen.now,
    });
    frozen.now = 20_000;
    vi.advanceTimersByTime(2500);
    expect(passed).toBe(false);
    deadline.clear();
  });
});
