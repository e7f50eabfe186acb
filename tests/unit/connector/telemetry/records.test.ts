import { describe, expect, it } from "vitest";
import { FlowRecorder } from "../../../../connector/telemetry/flow-recorder.ts";
import { flowRecord, isReport } from "../../../../connector/telemetry/flow-records.ts";
import { NotableRecords } from "../../../../connector/telemetry/notable-records.ts";
import { RecordRing } from "../../../../connector/telemetry/record-ring.ts";
import { seriesMessages } from "../../../../connector/telemetry/report-messages.ts";
import { Series } from "../../../../connector/telemetry/series-table.ts";
import { Tails } from "../../../../connector/telemetry/tails.ts";
import { FlowRecord } from "../../../../protocol/telemetry/flow-record.ts";
import { MAX_TAIL_RECORDS, TelemetryReport } from "../../../../protocol/telemetry/messages.ts";
import {
  addressNames,
  endFlow,
  HERE,
  THERE,
  testFlow,
  testRequest,
} from "../../../support/telemetry/traffic.ts";

const site = { site: HERE, name: "west" };
const record = (given = {}) => ({ ...flowRecord(testRequest(given), addressNames.nameOf, 0), site });

describe("flowRecord", () => {
  it("has the form of the wire, whatever the texts of clients are", () => {
    const hostile = "\u0000\u202e<script>".repeat(500);
    const found = [
      flowRecord(
        testFlow({ isDoor: true, session: "own", stream: 0, client: null }),
        addressNames.nameOf,
        1_000_500,
      ),
      flowRecord(
        testRequest({ method: hostile, path: hostile, authority: hostile, target: hostile, grpcStatus: 4 }),
        () => "curl",
        0,
      ),
    ];
    expect(found.map((each) => FlowRecord.safeParse(each).error)).toEqual([undefined, undefined]);
    expect(found[0]).toMatchObject({
      state: "open",
      ms: 500,
      session: null,
      peer: { site: null, name: "door" },
    });
    expect(found[1]).toMatchObject({
      kind: "request",
      process: "curl",
      peer: { site: THERE.site, name: "east" },
    });
  });
});

describe("RecordRing", () => {
  it("keeps the newest records and returns them newest first", () => {
    const ring = new RecordRing(3);
    for (let at = 0; at < 5; at++) ring.add(testRequest({ startedAt: at * 1000, ms: 10 }));
    expect([...ring.newest()].map(({ startedAt }) => startedAt)).toEqual([4000, 3000, 2000]);
    expect([...ring.newest(3010)].map(({ startedAt }) => startedAt)).toEqual([4000, 3000]);
  });
});

const taken = (notable: NotableRecords) => notable.take().filter(isReport);

describe("NotableRecords", () => {
  it("takes the latest failures first, then the slowest, and clients that left last", () => {
    const notable = new NotableRecords(4);
    for (const ms of [5, 50, 20, 1]) notable.add(testRequest({ ms }));
    notable.add(testRequest({ ms: 99, outcome: "stream.cancelled" }));
    notable.add(testRequest({ ms: 2, status: 500 }));
    expect(taken(notable).map(({ status, ms }) => ({ status, ms }))).toEqual([
      { status: 500, ms: 2 },
      { status: 200, ms: 50 },
      { status: 200, ms: 20 },
      { status: 200, ms: 5 },
    ]);
    expect(notable.take()).toEqual([]);
    for (let at = 0; at < 6; at++) notable.add(testRequest({ status: 500, ms: at }));
    expect(
      taken(notable)
        .map(({ ms }) => ms)
        .sort(),
    ).toEqual([2, 3, 4, 5]);
  });
});

describe("Tails", () => {
  it("begin with the earlier records that match, oldest first", () => {
    const tails = new Tails();
    const earlier = [record({ status: 500, path: "/2" }), record({}), record({ status: 502, path: "/1" })];
    tails.start({ id: 7, filter: "status:5xx" }, earlier, 0);
    expect(tails.flush()).toMatchObject([{ tail: 7, records: [{ path: "/1" }, { path: "/2" }], left: 0 }]);
    expect(tails.flush()).toEqual([]);
  });

  it("send a limited number of records a second and count the rest", () => {
    const tails = new Tails();
    tails.start({ id: 1, filter: "" }, [], 0);
    tails.start({ id: 2, filter: "!service:api" }, [], 0);
    for (let at = 0; at < 30; at++) tails.offer(record(), 100);
    const [first, ...others] = tails.flush();
    expect(first).toMatchObject({ tail: 1, left: 30 - MAX_TAIL_RECORDS });
    expect(first?.records).toHaveLength(MAX_TAIL_RECORDS);
    expect(others).toEqual([]);
    tails.offer(record(), 1000);
    expect(tails.flush()).toMatchObject([{ tail: 1, left: 0 }]);
    tails.stop(1);
    tails.stop(2);
    expect(tails.isEmpty).toBe(true);
  });

  it("refuse a filter that cannot be parsed", () => {
    const tails = new Tails();
    expect(() => tails.start({ id: 1, filter: "color:red" }, [], 0)).toThrow(/color/);
    expect(tails.isEmpty).toBe(true);
  });
});

describe("FlowRecorder", () => {
  function scene() {
    const open = new Set<ReturnType<typeof testFlow>>();
    const recorder = new FlowRecorder({
      ...{ names: addressNames, site: () => site, open, wallClock: () => 1_100_000, now: () => 0 },
    });
    return { open, recorder };
  }

  it("records a connection at its end and a request, but not the stream of a request", () => {
    const { recorder } = scene();
    recorder.flowEnded(endFlow(testFlow({ startedAt: 1_090_000 })));
    recorder.flowEnded(endFlow(testFlow({ startedAt: 1_090_000, protocol: "http2" })));
    recorder.flowEnded(endFlow(testFlow({ startedAt: 1_090_000, isInternal: true })));
    recorder.requestEnded(testRequest({ startedAt: 1_090_000 }));
    expect([...recorder.recent(60_000)].map(({ kind }) => kind)).toEqual(["request", "stream"]);
  });

  it("shows streams to a tail while they are open", () => {
    const { open, recorder } = scene();
    const old = testFlow({ stream: 1 });
    open.add(old);
    recorder.startTail({ id: 1, filter: "state:open" });
    const fresh = testFlow({ stream: 2 });
    const short = testFlow({ stream: 3 });
    open.add(fresh);
    for (const flow of [fresh, short]) recorder.flowStarted(flow);
    expect(recorder.flushTails()).toMatchObject([{ records: [{ stream: 1 }, { stream: 2, state: "open" }] }]);
    expect(recorder.flushTails()).toEqual([]);
  });
});

describe("seriesMessages", () => {
  it("splits a report into messages that the edge accepts, and loses nothing", () => {
    const series = Array.from({ length: 600 }, (_, at) =>
      new Series({
        ...{ side: "listener", service: "s".repeat(63), peer: HERE, isDoor: false, protocol: "tcp" },
        ...{ process: `${at}${"p".repeat(190)}`, target: "t".repeat(300), method: null, code: null },
      } as const).report(),
    );
    const notable = Array.from({ length: 20 }, () => flowRecord(testRequest(), addressNames.nameOf, 0));
    const messages = seriesMessages(series, 3, notable, 20_000);
    expect(messages.length).toBeGreaterThan(10);
    for (const message of messages) {
      expect(JSON.stringify(message).length).toBeLessThanOrEqual(20_000);
      expect(TelemetryReport.safeParse(message).success).toBe(true);
    }
    expect(messages.flatMap((each) => each.series)).toEqual(series);
    expect(messages.flatMap((each) => each.notable)).toHaveLength(20);
    expect(seriesMessages([], 0, [])).toEqual([{ type: "series", open: 0, series: [], notable: [] }]);
  });
});
