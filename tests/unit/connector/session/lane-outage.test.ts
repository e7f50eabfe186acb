import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LaneOutage } from "../../../../connector/session/lane-outage.ts";
import { DEFAULT_LIMITS } from "../../../../connector/session/limits.ts";
import type { CarrierState } from "../../../../protocol/carrier/index.ts";
import { FairleadError } from "../../../../protocol/errors.ts";

const limits = { ...DEFAULT_LIMITS, sessionTimeoutMs: 60_000, parkedMs: 600_000, laneWaitMs: 10_000 };
const code = (value: string) => expect.objectContaining({ code: value });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An outage that follows a carrier, whose state a test sets. */
function setUp(state: CarrierState) {
  const carrier = { carrierState: state, failure: null as FairleadError | null, wake: vi.fn() };
  const close = vi.fn<(error: FairleadError) => void>();
  const outage = new LaneOutage(limits, close);
  const move = (next: CarrierState) => {
    carrier.carrierState = next;
    outage.carrierMoved(next);
  };
  return { outage, carrier, close, move };
}

describe("LaneOutage", () => {
  it.each([
    ["resuming", limits.sessionTimeoutMs, "session.timeout"],
    ["parked", limits.parkedMs, "session.closed"],
  ] as const)("closes a session that is %s for %i ms with %s", (state, ms, reason) => {
    const { close, move } = setUp("up");
    move(state);
    vi.advanceTimersByTime(ms - 1);
    expect(close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(close.mock.calls).toEqual([[code(reason)]]);
  });

  it("closes nothing when a lane joins in time", () => {
    const { close, move } = setUp("up");
    move("resuming");
    vi.advanceTimersByTime(limits.sessionTimeoutMs - 1);
    move("up");
    vi.runAllTimers();
    expect(close).not.toHaveBeenCalled();
  });

  it("gives a parked session that wakes the time of one that resumes", () => {
    const { close, move } = setUp("up");
    move("parked");
    vi.advanceTimersByTime(limits.parkedMs - 1);
    move("resuming");
    vi.advanceTimersByTime(limits.sessionTimeoutMs - 1);
    expect(close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(close.mock.calls).toEqual([[code("session.timeout")]]);
  });

  it.each(["up", "parking"] as const)("does not wait for a lane while the carrier is %s", async (state) => {
    const { outage, carrier } = setUp(state);
    await outage.waitForLane(carrier);
    expect(carrier.wake).not.toHaveBeenCalled();
  });

  it("wakes a parked carrier, and ends the wait when a lane joins", async () => {
    const { outage, carrier, move } = setUp("parked");
    const waits = [outage.waitForLane(carrier), outage.waitForLane(carrier)];
    expect(carrier.wake).toHaveBeenCalled();
    move("up");
    await Promise.all(waits);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("throws session.timeout when no lane joins in time", async () => {
    const { outage, carrier } = setUp("resuming");
    const wait = outage.waitForLane(carrier);
    vi.advanceTimersByTime(limits.laneWaitMs);
    await expect(wait).rejects.toEqual(code("session.timeout"));
  });

  it("throws the error that ended the session, or that of the carrier", async () => {
    const { outage, carrier } = setUp("resuming");
    const ended = outage.waitForLane(carrier);
    outage.end(new FairleadError("session.revoked"));
    await expect(ended).rejects.toEqual(code("session.revoked"));
    carrier.failure = new FairleadError("session.credit");
    const failed = outage.waitForLane(carrier);
    outage.end(new FairleadError("session.closed"));
    await expect(failed).rejects.toEqual(code("session.credit"));
  });

  it("keeps no timer after its end", () => {
    const { outage, close, move } = setUp("up");
    move("resuming");
    outage.end(new FairleadError("session.closed"));
    expect(vi.getTimerCount()).toBe(0);
    expect(close).not.toHaveBeenCalled();
  });
});
