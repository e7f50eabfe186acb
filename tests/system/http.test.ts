/** HTTP services between sites, with real connectors and a real edge: a request at a time, over HTTP/1.1 and HTTP/2. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { findLeaks, hostileTarget } from "../support/http/hostile-target.ts";
import {
  sendBadHttp2Requests,
  sendBadRequests,
  sendOddRequests,
  wrongOutcomes,
} from "../support/http/raw-http.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { type Place, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let west: Connector;
let place: Place;
let h2Place: Place;
let hostilePlace: Place;

/** The requests that each target had. */
const counts = { east: 0, north: 0, h2: 0, smuggled: 0, odd: 0 };
const servers: { close(): void }[] = [];

/** A target that answers with what it got. */
function target(name: "east" | "north") {
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    counts[name]++;
    if (request.url === "/smuggled") counts.smuggled++;
    if (request.url === "/odd") counts.odd++;
    let content = "";
    request.setEncoding("latin1");
    request.on("data", (piece) => (content += piece));
    request.on("end", () => {
      const { method, url, rawHeaders } = request;
      response.setHeader("x-target", name);
      response.end(JSON.stringify({ method, url, rawHeaders, content }));
    });
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  servers.push(server, sockets);
  return server;
}

/** A target that speaks HTTP/2 alone, and answers gRPC calls with trailers. */
function http2Target() {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    counts.h2++;
    if (headers[":path"] === "/error") {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "5" },
        { endStream: true },
      );
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.pipe(stream);
  });
  servers.push(server);
  return server;
}

/** How often each request, by its method and path, has arrived whole at a target that breaks off the first time. */
const arrivals = new Map<string, number>();

/** A target that takes each request in whole, and breaks the connection off before its response the first time. */
function breakingTarget() {
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let bytes = 0;
    request.on("data", (piece: Buffer) => (bytes += piece.length));
    request.on("end", () => {
      const key = `${request.method} ${request.url}`;
      const count = (arrivals.get(key) ?? 0) + 1;
      arrivals.set(key, count);
      if (count === 1) request.socket.destroy();
      else response.end(String(bytes));
    });
  });
  servers.push(server);
  return server;
}

async function listening(server: http.Server | http2.Http2Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

async function request(options: http.RequestOptions, content?: string): Promise<Answer> {
  const sent = http.request({ host: place.host, port: place.port, ...options });
  sent.end(content);
  const [response]: http.IncomingMessage[] = await once(sent, "response");
  let text = "";
  response?.setEncoding("latin1");
  for await (const piece of response ?? []) text += piece;
  return { status: response?.statusCode, headers: response?.headers ?? {}, text };
}

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  const [eastPort, northPort, h2Port, breakingPort] = await Promise.all([
    ...[listening(target("east")), listening(target("north")), listening(http2Target())],
    listening(breakingTarget()),
  ]);
  const hostile = await serve(hostileTarget);
  [west] = await Promise.all([
    suite.cluster.connector({
      site: "west",
      token,
      bind: "127.96.1.3",
      args: ["--retry", "orders=PUT,DELETE"],
    }),
    suite.cluster.connector({
      // The hostile target fails nearly all requests, which must not take it out of use.
      ...{ site: "east", token, bind: "127.96.1.1", args: ["--health", "hostile=off"] },
      expose: [
        ...[`web:8080=127.0.0.1:${eastPort}/http`, `rpc:9090=127.0.0.1:${h2Port}/http2`],
        `hostile:9091=${hostile.at}/http`,
        ...["orders:9092", "strict:9093"].map((name) => `${name}=127.0.0.1:${breakingPort}/http`),
      ],
      // Its failures are what the test is about, and no reason to withdraw it.
      args: ["--health", "hostile=off"],
    }),
    suite.cluster.connector({
      ...{ site: "north", token, bind: "127.96.1.2", expose: [`web:8080=127.0.0.1:${northPort}/http`] },
    }),
  ]);
  [place, h2Place] = await Promise.all([west.listener("web"), west.listener("rpc")]);
  hostilePlace = await west.listener("hostile");
  const seen = new Set<unknown>();
  await eventually("both sites have answered", async () => {
    seen.add((await request({ agent: false })).headers["x-target"]);
    return seen.size === 2;
  });
  counts.east = 0;
  counts.north = 0;
});

afterAll(() => {
  for (const server of servers) server.close();
});

describe("A service that speaks HTTP", () => {
  it("gets the requests of one connection at both sites, with the fields that the two connectors write", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const answers: Answer[] = [];
    for (let count = 0; count < 10; count++) {
      answers.push(
        await request({ agent, method: "POST", path: "/a?b", headers: { "fairlead-site": "boss" } }, "hello"),
      );
    }
    agent.destroy();
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(new Set(answers.map(({ headers }) => headers["x-target"]))).toEqual(new Set(["east", "north"]));
    const seen = JSON.parse(answers[0]?.text ?? "");
    expect(seen).toMatchObject({ method: "POST", url: "/a?b", content: "hello" });
    const fields = new Map<string, string>();
    for (let at = 0; at < seen.rawHeaders.length; at += 2) {
      fields.set(String(seen.rawHeaders[at]).toLowerCase(), String(seen.rawHeaders[at + 1]));
    }
    expect(fields.get("host")).toBe(`${place.host}:${place.port}`);
    expect(fields.get("fairlead-site")).toBe("west");
    expect(fields.get("via")).toBe("1.1 fairlead");
    expect(fields.get("x-forwarded-for")).toMatch(/^127\./);
    expect(counts.east + counts.north).toBe(10);
  });

  it("is reached over HTTP/2 on the same port", async () => {
    const session = http2.connect(`http://${place.host}:${place.port}`);
    const stream = session.request({ ":path": "/h2" });
    let text = "";
    stream.on("data", (piece) => (text += String(piece)));
    await once(stream, "close");
    session.close();
    expect(JSON.parse(text)).toMatchObject({ method: "GET", url: "/h2" });
  });

  it("is reached by WebSockets", async () => {
    const socket = new WebSocket(`ws://${place.host}:${place.port}/live`);
    await once(socket, "open");
    socket.send("hello");
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("hello");
    socket.close();
    await once(socket, "close");
  });

  it("sees no more requests than clients send who break the rules of HTTP/1.1, and none that is smuggled", async () => {
    const before = counts.east + counts.north;
    const outcomes = await sendBadRequests(place);
    expect(wrongOutcomes(outcomes)).toEqual([]);
    const most = outcomes.reduce((sum, { requests }) => sum + requests, 0);
    expect(counts.east + counts.north - before).toBeLessThanOrEqual(most);
    expect(counts.smuggled).toBe(0);
  });

  it("sees each request once whose end could be misplaced", async () => {
    const { wrong, requests } = await sendOddRequests(place);
    expect(wrong).toEqual([]);
    // By path: a request that was refused before may still arrive.
    expect(counts.odd).toBe(requests);
    expect(counts.smuggled).toBe(0);
  });

  it("sees none of the requests that break the rules of HTTP/2, unless they are good without one field", async () => {
    const before = counts.east + counts.north;
    const { wrong, requests } = await sendBadHttp2Requests(place);
    expect(wrong).toEqual([]);
    expect(counts.east + counts.north - before).toBeLessThanOrEqual(requests);
    expect(counts.smuggled).toBe(0);
  });

  it("gives each client its own response or an error, whatever its target sends", async () => {
    expect(await findLeaks(hostilePlace)).toEqual([]);
  });
});

describe("A request whose target breaks off once it has all of it", () => {
  const SMALL = "x".repeat(1000);
  const LARGE = "x".repeat(200_000);

  it.each([
    ["orders", "GET", "", 2, 200],
    ["orders", "PUT", SMALL, 2, 200],
    ["orders", "DELETE", "", 2, 200],
    ["orders", "DELETE", SMALL, 2, 200],
    // More than the connector keeps.
    ["orders", "PUT", LARGE, 1, 502],
    ["orders", "POST", SMALL, 1, 502],
    ["orders", "PATCH", "", 1, 502],
    ["strict", "GET", "", 2, 200],
    ["strict", "PUT", SMALL, 1, 502],
    ["strict", "DELETE", "", 1, 502],
  ])(
    "reaches the target of %s as its method and its content permit: %s",
    async (service, method, content, times, status) => {
      const { host, port } = await west.listener(service);
      const path = `/${service}/${content.length}`;
      // Node frames the content of a DELETE by itself neither way.
      const headers = content === "" ? {} : { "content-length": content.length };
      const answer = await request({ host, port, method, path, headers, agent: false }, content);
      expect(answer.status).toBe(status);
      if (status === 200) expect(answer.text).toBe(String(content.length));
      expect(arrivals.get(`${method} ${path}`)).toBe(times);
    },
  );
});

describe("A service that speaks HTTP/2", () => {
  it("keeps trailers, and the status of a call that ends with its head", async () => {
    const session = http2.connect(`http://${h2Place.host}:${h2Place.port}`);
    const call = (path: string) => {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.end("message");
      return stream;
    };
    const good = call("/echo");
    let text = "";
    let trailers: http2.IncomingHttpHeaders = {};
    good.on("data", (piece) => (text += String(piece)));
    good.on("trailers", (received) => (trailers = received));
    await once(good, "close");
    expect({ text, status: trailers["grpc-status"] }).toEqual({ text: "message", status: "0" });
    const bad = call("/error");
    const [headers, flags] = await once(bad, "response");
    expect(headers["grpc-status"]).toBe("5");
    expect(flags & http2.constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0);
    session.close();
    expect(counts.h2).toBe(2);
  });
});

describe("A client of a connector that stops", () => {
  it("gets the end of an idle connection of HTTP/1.1, and a GOAWAY over HTTP/2", async () => {
    const agent = new http.Agent({ keepAlive: true });
    await request({ agent });
    const [kept] = Object.values(agent.freeSockets).flat();
    if (kept === undefined) throw new Error("The connection was not kept.");
    const session = http2.connect(`http://${place.host}:${place.port}`);
    const stream = session.request({ ":path": "/h2" });
    stream.resume();
    await once(stream, "close");
    const ends = Promise.all([once(kept, "close"), once(session, "goaway"), once(session, "close")]);
    await west.process.stop();
    await ends;
    agent.destroy();
  });
});
