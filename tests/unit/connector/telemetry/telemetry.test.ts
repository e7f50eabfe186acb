import { describe, expect, it, onTestFinished } from "vitest";
import { silent } from "../../../../connector/log.ts";
import type { FlowObserver } from "../../../../connector/relay/observer.ts";
import { RequestReports } from "../../../../connector/relay/request-report.ts";
import { ClientProcesses } from "../../../../connector/telemetry/client-processes.ts";
import { Telemetry, type TelemetryOptions } from "../../../../connector/telemetry/telemetry.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { ScriptedTelemetry } from "../../../support/telemetry/scripted-telemetry.ts";
import { endFlow, HERE, type TestFlow, testFlow, testRequest } from "../../../support/telemetry/traffic.ts";

async function setUp(more: Partial<TelemetryOptions> = {}) {
  const edge = await ScriptedTelemetry.start();
  const observers = new Set<FlowObserver>();
  const requests = new RequestReports(silent);
  const circumstances = { isAvailable: true };
  const telemetry = new Telemetry({
    relay: {
      observe(observer) {
        observers.add(observer);
        return () => void observers.delete(observer);
      },
      requests,
    },
    names: new ClientProcesses({ find: null }),
    site: () => ({ site: HERE, name: "west" }),
    ...{ boot: randomId("boot"), software: "test", log: silent, dial: edge.dial, random: () => 0 },
    isAvailable: () => circumstances.isAvailable,
    ...more,
  });
  telemetry.set(true);
  onTestFinished(() => telemetry.close());
  const start = (flow: TestFlow) => {
    for (const observer of observers) observer.flowStarted?.(flow);
    return flow;
  };
  const end = (flow: TestFlow) => {
    endFlow(flow);
    for (const observer of observers) observer.flowEnded?.(flow);
  };
  const request = (given = {}) => requests.requestEnded(testRequest(given));
  return { edge, telemetry, circumstances, requests, observers, start, end, request };
}

describe("Telemetry", () => {
  it("dials with the first traffic, says hello and reports what was counted", async () => {
    const { edge, telemetry, request } = await setUp();
    expect(telemetry.state).toMatchObject({ state: "closed", series: 0 });
    request({ status: 503 });
    const { series, notable, open } = await edge.next("series");
    expect(edge.received[0]).toMatchObject({ type: "hello", software: "test" });
    expect(series).toMatchObject([{ method: "GET", code: "5xx", closed: 1, failed: 1 }]);
    expect(notable).toMatchObject([{ status: 503, process: "127.0.0.1" }]);
    expect(open).toBe(0);
    expect(telemetry.state).toMatchObject({ state: "open", series: 1 });
  });

  it("sends only the series that changed, and the growth of open streams", async () => {
    const { edge, start, end, request } = await setUp();
    request();
    await edge.next("series", ({ series }) => series.length === 1);
    const flow = start(testFlow({ bytesToClient: 10 }));
    expect(await edge.next("series", ({ open }) => open === 1)).toMatchObject({
      series: [{ opened: 1, closed: 0, bytesToClient: 10 }],
    });
    flow.bytesToClient = 1000;
    await edge.next("series", ({ series }) => series[0]?.bytesToClient === 1000);
    flow.bytesToClient = 1001;
    end(flow);
    await edge.next("series", ({ series }) => series[0]?.bytesToClient === 1001 && series[0]?.closed === 1);
  });

  it("sends all series on a new connection, so totals stay exact when connections break", async () => {
    const { edge, request } = await setUp();
    let requests = 0;
    for (let kills = 0; kills < 5; kills++) {
      for (let at = 0; at < 20; at++) {
        request({ service: `s${at % 4}`, bytesToClient: 7 });
        requests++;
      }
      const connection = kills + 1;
      await eventually(
        "the connections are as expected",
        () => edge.connections >= connection && edge.open > 0,
      );
      edge.kill();
      request({ service: "s0", bytesToClient: 7 });
      requests++;
    }
    await eventually("the connections are as expected", () => edge.sum(({ closed }) => closed) === requests);
    expect(edge.sum(({ bytesToClient }) => bytesToClient)).toBe(7 * requests);
    expect(edge.series.size).toBe(4);
  });

  it("reports again what the edge may have lost, when the connection breaks and no traffic follows", async () => {
    const { edge, request } = await setUp();
    request({ bytesToClient: 7 });
    await edge.next("series", ({ series }) => series.length === 1);
    edge.kill();
    await eventually("the connector reports on a second connection", () => edge.of("series").length === 2);
    expect(edge.connections).toBe(2);
    expect(edge.of("series")[1]).toMatchObject({ series: [{ closed: 1, bytesToClient: 7 }] });
  });

  it("reports at the interval that the edge asks for", async () => {
    const { edge, request, telemetry } = await setUp();
    edge.welcome = { type: "welcome", everyMs: 60_000, tails: [] };
    request();
    await edge.next("series");
    request();
    edge.send({ type: "cadence", everyMs: 100 });
    await edge.next("series", ({ series }) => series[0]?.closed === 2);
    expect(telemetry.state.reportedAt).not.toBeNull();
  });

  it("dials no edge without the feature, and reports everything once it has it", async () => {
    const { edge, telemetry, circumstances, request } = await setUp();
    circumstances.isAvailable = false;
    for (let at = 0; at < 3; at++) request();
    expect(telemetry.state.state).toBe("closed");
    circumstances.isAvailable = true;
    telemetry.review();
    await edge.next("series", ({ series }) => series[0]?.closed === 3);
  });

  it("sends tails of the welcome and of later messages their records until they stop", async () => {
    const { edge, request, start } = await setUp();
    edge.welcome = {
      ...{ type: "welcome", everyMs: 100, tails: [{ id: 1, filter: "status:5xx" }] },
    } as const;
    request({ status: 500, path: "/first", startedAt: Date.now() });
    request({ startedAt: Date.now() });
    expect(await edge.next("records")).toMatchObject({ tail: 1, records: [{ path: "/first" }], left: 0 });
    edge.send({ type: "tail.start", tail: { id: 2, filter: "state:open" } });
    start(testFlow({ stream: 9 }));
    await edge.next("records", ({ tail, records }) => tail === 2 && records[0]?.stream === 9);
    edge.send({ type: "tail.start", tail: { id: 3, filter: "no:field" } });
    edge.send({ type: "tail.stop", id: 1 });
    edge.send({ type: "tail.start", tail: { id: 4, filter: "path:/last" } });
    await eventually("the connections are as expected", () => edge.connections === 1);
    request({ status: 500, path: "/last", startedAt: Date.now() });
    await edge.next("records", ({ tail, records }) => tail === 4 && records.length > 0);
    expect(edge.of("records").flatMap(({ records }) => records.map(({ path }) => path))).toContain("/last");
  });

  it("sends a last report when the connector closes", async () => {
    const { edge, telemetry, request } = await setUp();
    edge.welcome = { type: "welcome", everyMs: 60_000, tails: [] };
    request();
    await edge.next("series");
    request();
    await telemetry.close();
    await edge.next("series", ({ series }) => series[0]?.closed === 2);
    expect(edge.open).toBe(0);
  });

  it("dials again when the edge says nothing, or closes with an error", async () => {
    const { edge, request } = await setUp();
    edge.welcome = { type: "error", error: { code: "uplink.limited", message: "m", action: "a" } };
    request();
    await edge.next("hello");
    edge.kill();
    edge.welcome = { type: "welcome", everyMs: 100, tails: [] };
    await edge.next("series");
  });

  it("observes nothing while it is off", async () => {
    const { edge, telemetry, observers, requests, request } = await setUp();
    request();
    await edge.next("series");
    telemetry.set(false);
    expect({ observers: observers.size, areRead: requests.areRead }).toEqual({
      observers: 0,
      areRead: false,
    });
    await eventually("the connections are as expected", () => edge.open === 0);
    telemetry.set(true);
    request();
    await edge.next("series", ({ series }) => series[0]?.closed === 2);
  });
});
