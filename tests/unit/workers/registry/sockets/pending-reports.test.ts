import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PendingReports, type Report } from "../../../../../workers/registry/sockets/pending-reports.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const measured = (rtt: number): Report => ({ type: "measured", rtt });

describe("a report beyond its site's budget", () => {
  it("waits, and only the newest of its kind is handled", () => {
    const handled: Report[] = [];
    const pending = new PendingReports<object>((_, report) => handled.push(report));
    const socket = {};
    let room = false;
    const spend = () => (room ? 0 : 500);
    expect(pending.mustWait(socket, measured(1), spend)).toBe(true);
    expect(pending.mustWait(socket, measured(2), spend)).toBe(true);
    expect(pending.mustWait(socket, { type: "offers", offers: [] }, spend)).toBe(true);
    room = true;
    expect(pending.mustWait(socket, measured(3), spend)).toBe(true);
    vi.advanceTimersByTime(500);
    expect(handled).toEqual([measured(3), { type: "offers", offers: [] }]);
    expect(pending.mustWait(socket, measured(4), spend)).toBe(false);
  });

  it("is dropped when its socket closes", () => {
    const handled: Report[] = [];
    const pending = new PendingReports<object>((_, report) => handled.push(report));
    const socket = {};
    pending.mustWait(socket, measured(1), () => 500);
    pending.forget(socket);
    vi.advanceTimersByTime(1000);
    expect(handled).toEqual([]);
  });
});
