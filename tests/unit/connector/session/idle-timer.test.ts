import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type IdleSession, IdleTimer } from "../../../../connector/session/idle-timer.ts";
import { DEFAULT_LIMITS } from "../../../../connector/session/limits.ts";
import type { SessionPhase } from "../../../../protocol/session/state.ts";

const limits = { ...DEFAULT_LIMITS, upMs: 10_000, parkAfterMs: 60_000, idleMs: 50_000, lingerMs: 2000 };
const code = (value: string) => expect.objectContaining({ code: value });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A timer of a session whose phase, streams and carrier a test sets. `park` returns whether the lanes are released. */
function setUp({ phase = "up" as SessionPhase, streams = 0, isV2 = true } = {}) {
  const session = { phase, streams };
  const park = vi.fn(() => true);
  const close = vi.fn<IdleSession["close"]>();
  const drain = vi.fn<IdleSession["drain"]>();
  const timer = new IdleTimer(limits, {
    phase: () => session.phase,
    streams: () => session.streams,
    carrier: () => (isV2 ? { carrierState: "up", park } : null),
    drain,
    close,
  });
  return { session, park, close, drain, timer };
}

describe("IdleTimer", () => {
  it("closes a session that does not come up in time with session.timeout", () => {
    const { close } = setUp({ phase: "opening" });
    vi.advanceTimersByTime(limits.upMs - 1);
    expect(close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(close.mock.calls).toEqual([[code("session.timeout")]]);
  });

  it("ignores a restart before the session is up", () => {
    const { timer, close } = setUp({ phase: "opening" });
    timer.restart();
    vi.advanceTimersByTime(limits.upMs);
    expect(close).toHaveBeenCalledOnce();
  });

  it("parks the carrier of a session that had no streams for a time", () => {
    const { timer, park, close, drain } = setUp();
    timer.restart();
    vi.advanceTimersByTime(limits.parkAfterMs - 1);
    expect(park).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(park).toHaveBeenCalledOnce();
    vi.runAllTimers();
    expect([park, close, drain].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0]);
  });

  it("retries to park every second while bytes are in flight, until a stream opens", () => {
    const { timer, park, session } = setUp();
    park.mockReturnValue(false);
    timer.restart();
    vi.advanceTimersByTime(limits.parkAfterMs + 3000);
    expect(park).toHaveBeenCalledTimes(4);
    session.streams = 1;
    vi.runAllTimers();
    expect(park).toHaveBeenCalledTimes(4);
  });

  it("drains a session of carrier version 1 that had no streams for a time, with session.closed", () => {
    const { timer, drain } = setUp({ isV2: false });
    timer.restart();
    vi.advanceTimersByTime(limits.idleMs);
    expect(drain.mock.calls).toEqual([[code("session.closed")]]);
  });

  it("does nothing while a stream is open, and starts over when the last one closes", () => {
    const { timer, park, session } = setUp();
    timer.restart();
    vi.advanceTimersByTime(limits.parkAfterMs - 1);
    session.streams = 1;
    timer.restart();
    expect(vi.getTimerCount()).toBe(0);
    session.streams = 0;
    timer.restart();
    vi.advanceTimersByTime(limits.parkAfterMs - 1);
    expect(park).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(park).toHaveBeenCalledOnce();
  });

  it("closes a draining session once its streams have ended", () => {
    const { timer, close, session } = setUp({ streams: 1 });
    timer.drain();
    vi.advanceTimersByTime(5 * limits.lingerMs);
    expect(close).not.toHaveBeenCalled();
    session.streams = 0;
    vi.advanceTimersByTime(limits.lingerMs);
    expect(close.mock.calls).toEqual([[code("session.closed")]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does nothing after it is stopped", () => {
    const { timer } = setUp();
    timer.restart();
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
