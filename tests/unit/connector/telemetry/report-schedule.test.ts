import { describe, expect, it } from "vitest";
import { type ReportCircumstances, ReportSchedule } from "../../../../connector/telemetry/report-schedule.ts";
import { TELEMETRY_IDLE_MS } from "../../../../protocol/telemetry/messages.ts";

const at = (now: number, more: Partial<ReportCircumstances> = {}): ReportCircumstances => ({
  ...{ now, hasNews: false, isOpen: false, isAvailable: true },
  ...more,
});
const news = { hasNews: true };

/** A schedule with a connection since the time 0, which reports every 1,000 ms. */
function open(): ReportSchedule {
  const schedule = new ReportSchedule(() => 0.5);
  schedule.next(at(0, news));
  schedule.welcomed(1000, 0);
  return schedule;
}

describe("ReportSchedule", () => {
  it("dials when there is something to report, and only then", () => {
    const schedule = new ReportSchedule();
    expect(schedule.next(at(0))).toEqual({ do: "wait", ms: null });
    expect(schedule.next(at(1, news))).toEqual({ do: "dial" });
    expect(schedule.next(at(2, news))).toEqual({ do: "wait", ms: null });
  });

  it("does not dial an edge that takes no telemetry", () => {
    const schedule = new ReportSchedule();
    expect(schedule.next(at(0, { ...news, isAvailable: false }))).toEqual({ do: "wait", ms: null });
  });

  it("looks at open streams now and then, since their bytes tell nobody", () => {
    const schedule = new ReportSchedule();
    expect(schedule.next(at(0, { isOpen: true }))).toEqual({ do: "wait", ms: 5000 });
    const connected = open();
    connected.next(at(0, news));
    expect(connected.next(at(10, { isOpen: true }))).toEqual({ do: "wait", ms: 1000 });
  });

  it("reports at once when the edge has answered, and then at the interval", () => {
    const schedule = open();
    expect(schedule.next(at(0, news))).toEqual({ do: "report" });
    expect(schedule.next(at(300, news))).toEqual({ do: "wait", ms: 700 });
    expect(schedule.next(at(1000, news))).toEqual({ do: "report" });
  });

  it("reports nothing without news", () => {
    const schedule = open();
    schedule.next(at(0, news));
    expect(schedule.next(at(5000))).toMatchObject({ do: "wait" });
    expect(schedule.next(at(5001, news))).toEqual({ do: "report" });
  });

  it("follows another interval, also for the report that is due", () => {
    const schedule = open();
    schedule.next(at(0, news));
    schedule.cadence(200, 10);
    expect(schedule.next(at(10, news))).toEqual({ do: "wait", ms: 200 });
    schedule.cadence(1, 10);
    expect(schedule.next(at(10, news))).toEqual({ do: "wait", ms: 100 });
  });

  it("closes the connection after ten minutes without traffic, and dials again with news", () => {
    const schedule = open();
    schedule.next(at(0, news));
    expect(schedule.next(at(1))).toEqual({ do: "wait", ms: TELEMETRY_IDLE_MS - 1 });
    expect(schedule.next(at(TELEMETRY_IDLE_MS))).toEqual({ do: "close" });
    expect(schedule.next(at(TELEMETRY_IDLE_MS + 1))).toEqual({ do: "wait", ms: null });
    expect(schedule.next(at(TELEMETRY_IDLE_MS + 2, news))).toEqual({ do: "dial" });
  });

  it("waits longer after each failure, and as long as the edge asks", () => {
    const schedule = new ReportSchedule(() => 0.5);
    const waits: unknown[] = [];
    let now = 0;
    for (const retryAfterMs of [0, 0, 0, 9000]) {
      expect(schedule.next(at(now, news))).toEqual({ do: "dial" });
      schedule.ended(now, retryAfterMs);
      const step = schedule.next(at(now, news));
      waits.push(step);
      if (step.do === "wait") now += step.ms ?? 0;
    }
    expect(waits).toEqual([500, 1000, 2000, 9000].map((ms) => ({ do: "wait", ms })));
  });

  it("dials an edge that is back at once, however often it failed, unless the edge asked to wait", () => {
    const schedule = new ReportSchedule(() => 0.5);
    for (let kill = 0; kill < 10; kill++) {
      expect(schedule.next(at(kill * 1000, news))).toEqual({ do: "dial" });
      schedule.ended(kill * 1000 + 1);
      schedule.edgeReturned();
    }
    schedule.next(at(20_000, news));
    schedule.ended(20_000, 9000);
    schedule.edgeReturned();
    expect(schedule.next(at(20_000, news))).toEqual({ do: "wait", ms: 9000 });
  });

  it("dials another address of the edge at once", () => {
    const schedule = new ReportSchedule(() => 0.5);
    schedule.next(at(0, news));
    schedule.ended(0, 60_000);
    schedule.moved();
    expect(schedule.next(at(1, news))).toEqual({ do: "dial" });
  });
});
