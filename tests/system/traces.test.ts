/** Traces of streams and requests through two connectors, as a receiver of OTLP gets them. */
import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/traffic/otlp-receiver.ts";
import { echo, exchange, type Place, serve } from "../support/traffic/servers.ts";

const SERVER = 2;
const CLIENT = 3;
const suite = useEdge();
let receiver: OtlpReceiver;
let target: http.Server;
let web: Place;
let bytes: Place;
let connectors: Connector[];
/** The header that the target got last. */
let traceparent: string | undefined;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  target = http.createServer((request, response) => {
    traceparent = request.headers.traceparent?.toString();
    response.statusCode = request.url?.startsWith("/broken") ? 503 : 200;
    response.end("hello");
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const address = target.address();
  if (address === null || typeof address === "string") throw new Error("The target has no port.");
  const echoing = await serve(echo);
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "100" };
  connectors = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.97.1.1", env }),
    suite.cluster.connector({
      ...{ site: "east", token, bind: "127.97.1.2", env },
      expose: [`web:8080=127.0.0.1:${address.port}/http`, `bytes:9090=${echoing.at}`],
    }),
  ]);
  const [west] = connectors;
  if (west === undefined) throw new Error("No connector was started.");
  [web, bytes] = await Promise.all([west.listener("web"), west.listener("bytes")]);
});

afterAll(() => {
  target.close();
  receiver.close();
});

async function get(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<void> {
  const sent = http.get({ ...web, path, headers, agent: false });
  const [response] = (await once(sent, "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
}

/** The two spans that match, at the listener and at the target. */
async function pairOf(matches: (span: ReceivedSpan) => boolean): Promise<[ReceivedSpan, ReceivedSpan]> {
  let found: (ReceivedSpan | undefined)[] = [];
  await eventually("both spans arrive", () => {
    const spans = receiver.spans.filter(matches);
    found = [spans.find(({ kind }) => kind === SERVER), spans.find(({ kind }) => kind === CLIENT)];
    return found.every((span) => span !== undefined);
  });
  const [listener, atTarget] = found;
  if (listener === undefined || atTarget === undefined) throw new Error("A span is missing.");
  return [listener, atTarget];
}

const atPath = (path: string) => (span: ReceivedSpan) => span.attributes["url.path"] === path;

describe("Traces", () => {
  it("join both connectors and the target in the trace that the client began", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const client = "b7ad6b7169203331";
    await get("/hello?secret=1", { traceparent: `00-${traceId}-${client}-01` });
    const [listener, atTarget] = await pairOf(atPath("/hello"));
    expect(listener).toMatchObject({ traceId, parentSpanId: client, name: "GET web", error: null });
    expect(atTarget).toMatchObject({ traceId, parentSpanId: listener.spanId, name: "GET web" });
    expect(traceparent).toBe(`00-${traceId}-${atTarget.spanId}-01`);
    expect(listener.attributes).toMatchObject({
      ...{ "http.request.method": "GET", "http.response.status_code": 200, "fairlead.service": "web" },
      ...{ "fairlead.peer.site.name": "east", "fairlead.session": atTarget.attributes["fairlead.session"] },
    });
    expect(listener.resource).toMatchObject({
      "service.name": "fairlead-connector",
      "fairlead.site.name": "west",
    });
    expect(JSON.stringify(receiver.spans)).not.toContain("secret");
  });

  it("begin at the listener where the client has none", async () => {
    await get("/own");
    const [listener, atTarget] = await pairOf(atPath("/own"));
    expect(listener.parentSpanId ?? "").toBe("");
    expect(atTarget).toMatchObject({ traceId: listener.traceId, parentSpanId: listener.spanId });
  });

  it("are not recorded where the client decided so, and its context is passed on", async () => {
    const context = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00";
    await get("/unsampled", { traceparent: context });
    expect(traceparent).toBe(context);
    await get("/after");
    await pairOf(atPath("/after"));
    expect(receiver.spans.filter(atPath("/unsampled"))).toEqual([]);
  });

  it("say that a request failed", async () => {
    await get("/broken");
    const [listener, atTarget] = await pairOf(atPath("/broken"));
    expect([listener.error, atTarget.error]).toEqual(["503", "503"]);
  });

  it("have a span for a connection at both sides", async () => {
    await exchange(bytes, "bytes");
    const [listener, atTarget] = await pairOf(({ name }) => name === "tcp bytes");
    expect(atTarget).toMatchObject({ traceId: listener.traceId, parentSpanId: listener.spanId });
    expect(listener.attributes["fairlead.bytes_to_target"]).toBe(5);
  });

  it("are exported when the connector stops", async () => {
    await get("/last");
    await Promise.all(connectors.map((connector) => connector.stop()));
    await pairOf(atPath("/last"));
  });
});
