import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { type MetricNames, MonitorServer } from "../../../../connector/monitoring/monitor-server.ts";
import type { Readiness } from "../../../../connector/monitoring/readiness.ts";
import type { MetricFamily } from "../../../../protocol/metrics/metric.ts";
import { eventually } from "../../../support/clock/eventually.ts";

const HOST = "127.0.0.1";
let server: MonitorServer | undefined;
let readiness: Readiness = { ready: true, missing: [] };
let count = 1;

const families = (names: MetricNames): MetricFamily[] => [
  {
    metric: { name: `${names}_things_total`, type: "counter", help: "Things.", labels: ["n"] },
    samples: Array.from({ length: count }, (_, n) => ({ labels: { n: String(n) }, value: n })),
  },
];

afterEach(() => {
  server?.close();
  readiness = { ready: true, missing: [] };
  count = 1;
});

/** Starts a server, and returns its port. */
async function start(port = 0): Promise<number> {
  server = new MonitorServer({
    ...{ address: { host: HOST, port }, families, readiness: () => readiness, log: silent },
    retry: { base: 10, cap: 20 },
  });
  server.start();
  return await listening();
}

async function listening(): Promise<number> {
  await eventually("the server listens", () => typeof server?.port === "number");
  return server?.port ?? 0;
}

async function ask(port: number, path: string, { method = "GET", headers = {} } = {}) {
  const sent = httpRequest({ host: HOST, port, path, method, headers, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

describe("MonitorServer", () => {
  it("serves metrics as text, and as OpenMetrics to scrapers that prefer it", async () => {
    const port = await start();
    const plain = await ask(port, "/metrics");
    expect(plain).toMatchObject({
      status: 200,
      headers: { "content-type": expect.stringContaining("0.0.4") },
    });
    expect(plain.text).toContain('\nfairlead_things_total{n="0"} 0\n');
    const open = await ask(port, "/metrics", { headers: { accept: "application/openmetrics-text" } });
    expect(open.headers["content-type"]).toContain("application/openmetrics-text");
    expect(open.text).toMatch(/# EOF\n$/);
  });

  it("serves metrics with the names of Skupper, and refuses other names", async () => {
    const port = await start();
    expect((await ask(port, "/metrics?names=skupper")).text).toContain("skupper_things_total");
    expect((await ask(port, "/metrics?names=istio")).status).toBe(400);
  });

  it("compresses long answers for clients that take gzip", async () => {
    count = 1000;
    const port = await start();
    const { headers } = await ask(port, "/metrics", { headers: { "accept-encoding": "gzip" } });
    expect(headers["content-encoding"]).toBe("gzip");
    expect((await ask(port, "/metrics")).text.length).toBeGreaterThan(Number(headers["content-length"]));
  });

  it("is healthy, and ready or not with the reasons", async () => {
    const port = await start();
    expect(await ask(port, "/healthz")).toMatchObject({ status: 200, text: "ok\n" });
    expect((await ask(port, "/readyz")).status).toBe(200);
    readiness = { ready: false, missing: [{ what: "uplink", message: "The uplink is waiting." }] };
    const answer = await ask(port, "/readyz");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toEqual(readiness);
  });

  it("answers HEAD without a body, other methods with 405 and other paths with 404", async () => {
    const port = await start();
    const head = await ask(port, "/metrics", { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, text: "" });
    expect(Number(head.headers["content-length"])).toBeGreaterThan(0);
    expect(await ask(port, "/metrics", { method: "POST" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
    expect((await ask(port, "/")).status).toBe(404);
    expect((await ask(port, "//")).status).toBe(404);
  });

  it("refuses a head that is too long", async () => {
    const port = await start();
    expect((await ask(port, `/metrics?${"x".repeat(9000)}`)).status).toBe(431);
  });

  it("serves no more than 32 clients at a time", async () => {
    const port = await start();
    const sockets = Array.from({ length: 40 }, () => connect(port, HOST));
    const closed = sockets.filter((socket) => {
      socket.on("error", () => {});
      return socket;
    });
    let ended = 0;
    for (const socket of closed) socket.on("close", () => ended++);
    await eventually("further clients are closed", () => ended >= 8);
    for (const socket of sockets) socket.destroy();
  });

  it("moves to another address, stops, and tries again while its port is taken", async () => {
    const first = await start();
    const holder = createServer().listen(0, HOST);
    await once(holder, "listening");
    const taken = holder.address();
    if (taken === null || typeof taken === "string") throw new Error("The holder has no port.");
    server?.configure({ host: HOST, port: taken.port });
    await expect(ask(first, "/healthz")).rejects.toThrow("ECONNREFUSED");
    holder.close();
    expect(await listening()).toBe(taken.port);
    expect((await ask(taken.port, "/healthz")).status).toBe(200);
    server?.configure(null);
    await expect(ask(taken.port, "/healthz")).rejects.toThrow("ECONNREFUSED");
  });
});
