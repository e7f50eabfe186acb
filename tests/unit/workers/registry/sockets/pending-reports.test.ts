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

  it("is joined with the changes that come after it", () => {
    const offer = (name: string, port = 80) => ({ name, protocol: "tcp" as const, port });
    const put = (gone: string[], ...offers: ReturnType<typeof offer>[]): Report => ({
      ...{ type: "offers.changed", put: offers, gone },
    });
    const joined = (...reports: Report[]) => {
      const handled: Report[] = [];
      const pending = new PendingReports<object>((_, report) => handled.push(report));
      const socket = {};
      for (const report of reports) pending.mustWait(socket, report, () => 500);
      vi.advanceTimersByTime(500);
      return handled;
    };
    const [api, db, web] = [offer("api"), offer("db"), offer("web")];
    const all: Report = { type: "offers", offers: [api, db] };
    expect(joined(all, put(["api"], offer("db", 1), web))).toEqual([
      { type: "offers", offers: [offer("db", 1), web] },
    ]);
    expect(joined(put(["web"], api, db), put(["api"], web))).toEqual([put(["api"], db, web)]);
    expect(joined(put(["web"], api), all)).toEqual([all]);
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
