import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Aggregator } from "../../../../connector/telemetry/aggregator.ts";
import { LATENCY_BOUNDS_MS } from "../../../../protocol/telemetry/latency.ts";
import {
  SeriesReport as Schema,
  type SeriesReport,
  seriesId,
} from "../../../../protocol/telemetry/series.ts";
import {
  addressNames,
  endFlow,
  type TestFlow,
  THERE,
  testFlow,
  testRequest,
} from "../../../support/telemetry/traffic.ts";

const aggregator = (onActivity?: () => void) => new Aggregator({ names: addressNames, onActivity });

const reports = (of: Aggregator) => of.takeChanged().map((series) => series.report());

describe("Aggregator", () => {
  it("counts a stream with its labels, bytes and time to the first byte", () => {
    const traffic = aggregator();
    const flow = testFlow({ bytesToTarget: 10, bytesToClient: 20, firstByteMs: 3.5 });
    traffic.flowStarted(flow);
    traffic.flowEnded(endFlow(flow));
    expect(reports(traffic)).toEqual([
      {
        ...{ side: "listener", service: "api", peer: THERE.site, protocol: "tcp", process: "127.0.0.1" },
        ...{ target: null, opened: 1, closed: 1, failed: 0, bytesToTarget: 10, bytesToClient: 20 },
        ...{ latency: [[LATENCY_BOUNDS_MS.indexOf(4), 1]], latencySum: 3.5 },
      },
    ]);
    expect(reports(traffic)).toEqual([]);
  });

  it("counts the bytes of an open stream while it runs, and each byte once", () => {
    const traffic = aggregator();
    const flow = testFlow({ bytesToClient: 100 });
    traffic.flowStarted(flow);
    expect(reports(traffic)).toMatchObject([{ opened: 1, closed: 0, bytesToClient: 100 }]);
    flow.bytesToClient = 250;
    expect(reports(traffic)).toMatchObject([{ opened: 1, closed: 0, bytesToClient: 250 }]);
    expect(reports(traffic)).toEqual([]);
    flow.bytesToClient = 300;
    traffic.flowEnded(endFlow(flow));
    expect(reports(traffic)).toMatchObject([{ opened: 1, closed: 1, bytesToClient: 300 }]);
  });

  it("counts an open stream when its instance, or its target, is known", () => {
    const traffic = aggregator();
    const client = testFlow({ openedMs: null, session: null });
    const peer = testFlow({ side: "target", openedMs: null });
    for (const flow of [client, peer]) traffic.flowStarted(flow);
    expect(reports(traffic)).toEqual([]);
    client.session = peer.session;
    peer.target = "db:5432";
    expect(reports(traffic)).toMatchObject([
      { side: "listener", peer: THERE.site, target: null },
      { side: "target", process: null, target: "db:5432" },
    ]);
  });

  it("counts a request apart from its stream, with its method and the class of its status", () => {
    const traffic = aggregator();
    const flow = testFlow({ protocol: "http1", bytesToTarget: 100, bytesToClient: 200 });
    traffic.flowStarted(flow);
    traffic.flowEnded(endFlow(flow));
    traffic.requestEnded(testRequest({ status: 503, method: "FETCH" }));
    const [stream, request] = reports(traffic);
    expect(stream).toMatchObject({ opened: 1, failed: 0, bytesToClient: 200 });
    expect(stream).not.toHaveProperty("method");
    expect(request).toMatchObject({ method: "other", code: "5xx", opened: 1, failed: 1, bytesToClient: 200 });
  });

  it("counts a gRPC call as failed whose result blames the server", () => {
    const traffic = aggregator();
    for (const grpcStatus of [0, 5, 14]) {
      traffic.requestEnded(testRequest({ protocol: "grpc", method: "POST", grpcStatus }));
    }
    expect(reports(traffic)).toMatchObject([{ opened: 3, failed: 1 }]);
  });

  it("names no site for a door", () => {
    const traffic = aggregator();
    traffic.requestEnded(testRequest({ side: "target", isDoor: true, target: "10.0.0.1:80", client: null }));
    expect(reports(traffic)).toMatchObject([{ door: true, peer: null, target: "10.0.0.1:80" }]);
  });

  it("counts no streams of hidden services", () => {
    const traffic = aggregator();
    const flow = testFlow({ isInternal: true });
    traffic.flowStarted(flow);
    traffic.flowEnded(endFlow(flow));
    expect(traffic.isIdle).toBe(true);
  });

  it("tells once that there is something to count", () => {
    let told = 0;
    const traffic = aggregator(() => told++);
    const flow = testFlow();
    traffic.flowStarted(flow);
    traffic.flowEnded(endFlow(flow));
    expect(told).toBe(1);
    traffic.takeChanged();
    expect(traffic.isIdle).toBe(true);
    traffic.requestEnded(testRequest());
    expect(told).toBe(2);
  });

  it("folds the process first, and keeps service and site", () => {
    const traffic = aggregator();
    for (let at = 0; at < 1000; at++)
      traffic.requestEnded(testRequest({ client: `10.0.${at >> 8}.${at}:1` }));
    const found = traffic.series.map((series) => series.report());
    expect(found).toHaveLength(401);
    expect(found.at(-1)).toMatchObject({ process: "other", service: "api", peer: THERE.site, opened: 600 });
  });

  it("has never more series than a message takes, whatever its labels are", () => {
    const traffic = aggregator();
    for (let at = 0; at < 3000; at++) {
      const service = `s${at}`;
      traffic.requestEnded(testRequest({ service, client: `h${at}:1`, status: (at % 6) * 100 }));
      traffic.requestEnded(testRequest({ service, side: "target", target: `t${at}`, protocol: "http2" }));
      traffic.requestEnded(testRequest({ service, side: "target", target: `t${at}`, isDoor: at % 2 === 0 }));
    }
    expect(traffic.series.length).toBeLessThanOrEqual(600);
    expect(traffic.series.reduce((sum, { closed }) => sum + closed, 0)).toBe(9000);
  });

  it("agrees with a plain count of all that happened, also when reports are lost or repeated", () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("start" as const),
        service: fc.nat(30),
        client: fc.nat(300),
        side: fc.constantFrom("listener" as const, "target" as const),
        peer: fc.boolean(),
      }),
      fc.record({ do: fc.constant("grow" as const), at: fc.nat(), up: fc.nat(1e9), down: fc.nat(1e9) }),
      fc.record({ do: fc.constant("end" as const), at: fc.nat(), fails: fc.boolean(), ms: fc.nat(100) }),
      fc.record({ do: fc.constant("request" as const), service: fc.nat(600), status: fc.nat(599) }),
      fc.record({ do: fc.constant("report" as const), fate: fc.constantFrom("lost", "once", "twice") }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 400 }), (steps) => {
        const traffic = aggregator();
        const edge = new Map<string, SeriesReport>();
        const open: TestFlow[] = [];
        const plain = { opened: 0, closed: 0, failed: 0, up: 0, down: 0, requests: 0, waits: 0 };
        const receive = (sent: SeriesReport[]) => {
          for (const series of sent) {
            const id = seriesId(series);
            const before = edge.get(id);
            expect(Schema.safeParse(series).success).toBe(true);
            expect(series.bytesToClient).toBeGreaterThanOrEqual(before?.bytesToClient ?? 0);
            expect(series.closed).toBeLessThanOrEqual(series.opened);
            edge.set(id, series);
          }
        };
        for (const step of steps) {
          const flow = "at" in step ? open[step.at % Math.max(1, open.length)] : undefined;
          if (step.do === "start") {
            const { side, service } = step;
            const target = side === "target" ? `t${step.client}:1` : null;
            const started = testFlow({ side, service: `s${service}`, target, client: `c${step.client}:1` });
            if (!step.peer)
              Object.assign(started, { peer: null, session: null, openedMs: null, target: null });
            traffic.flowStarted(started);
            open.push(started);
            plain.opened++;
          } else if (step.do === "grow" && flow !== undefined) {
            flow.bytesToTarget += step.up;
            flow.bytesToClient += step.down;
            plain.up += step.up;
            plain.down += step.down;
          } else if (step.do === "end" && flow !== undefined) {
            open.splice(open.indexOf(flow), 1);
            flow.firstByteMs = step.ms;
            traffic.flowEnded(endFlow(flow, step.fails ? "session.lost" : "completed"));
            plain.closed++;
            plain.waits += step.ms;
            if (step.fails) plain.failed++;
          } else if (step.do === "request") {
            traffic.requestEnded(testRequest({ service: `s${step.service}`, status: step.status }));
            plain.requests++;
          } else if (step.do === "report") {
            const sent = reports(traffic);
            if (step.fate !== "lost") receive(sent);
            if (step.fate === "twice") receive(sent);
          }
        }
        for (const flow of open) {
          traffic.flowEnded(endFlow(flow));
          plain.closed++;
        }
        // A new connection begins with every series.
        traffic.takeChanged();
        receive(traffic.series.map((series) => series.report()));
        const all = [...edge.values()];
        const streams = all.filter(({ method }) => method === undefined);
        const sum = (of: SeriesReport[], value: (each: SeriesReport) => number) =>
          of.reduce((total, each) => total + value(each), 0);
        expect({
          opened: sum(streams, (each) => each.opened),
          closed: sum(streams, (each) => each.closed),
          failed: sum(streams, (each) => each.failed),
          up: sum(streams, (each) => each.bytesToTarget),
          down: sum(streams, (each) => each.bytesToClient),
          requests: sum(all, (each) => each.closed) - sum(streams, (each) => each.closed),
          waits: sum(streams, (each) => each.latencySum),
        }).toEqual({ ...plain, opened: plain.closed });
      }),
      { numRuns: 200 },
    );
  });
});
