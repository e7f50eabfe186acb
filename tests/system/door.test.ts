/** The public door on a machine: clients without a connector reach a published service by its hostname. */
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { request as requestHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";
import * as z from "zod";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../connector/edge/credentials/certificates.ts";
import { CreatedDoorKey } from "../../protocol/api/hostnames.ts";
import { eventually } from "../support/clock/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { METHODS } from "../support/grpc/definitions.ts";
import { type InteropServer, serveInterop } from "../support/grpc/interop-server.ts";
import type { Connector, Edge, TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const OPEN = "shop.example.com";
const WITH_KEY = "app.example.com";
const HTTP2 = "calls.example.com";
const GRPC = "rpc.example.com";

const port = await freePort();
const suite = useEdge({ args: ["--door", `127.0.0.1:${port}`, "--door-plain"] });
let edge: Edge;
let network: TestNetwork;
let east: Connector;
let target: Server;
let http2Target: Http2Server;
let grpcTarget: InteropServer;
/** Requests that the target does not answer, and how many of them are gone. */
const silent = { arrived: 0, gone: 0 };
const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
});

/** Responses of which the first event was sent. The test sends the last one. */
const unfinished: ServerResponse[] = [];

/** Echoes the hash of a body, the fields of the request, or sends an event. */
function serve(incoming: IncomingMessage, answer: ServerResponse): void {
  if (incoming.url === "/silent") {
    silent.arrived++;
    answer.once("close", () => silent.gone++);
  } else if (incoming.url === "/events") {
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.write("data: first\n\n");
    unfinished.push(answer);
  } else if (incoming.method === "POST") {
    const hash = createHash("sha256");
    incoming.on("data", (bytes: Buffer) => hash.update(bytes));
    incoming.on("end", () => answer.end(hash.digest("hex")));
  } else answer.end(JSON.stringify(incoming.headers));
}

/** Echoes messages, and does what a text message says. */
function serveSocket(socket: WebSocket): void {
  socket.on("message", (data, binary) => {
    const said = binary || !Buffer.isBuffer(data) ? "" : data.toString();
    if (said === "close") socket.close(4002, "as asked");
    else if (said === "vanish") socket.terminate();
    else if (said === "ping") socket.ping("from the target");
    else if (said === "pieces") {
      for (const [at, piece] of ["in ", "three ", "pieces"].entries()) socket.send(piece, { fin: at === 2 });
    } else socket.send(data, { binary });
  });
  socket.on("pong", (payload) => socket.send(`pong ${payload}`));
  socket.on("close", (code, reason) => closes.push(`${code} ${reason}`));
}

/** How the target's WebSockets were closed. */
const closes: string[] = [];

/** A WebSocket over HTTP/2 that says hello, echoes one short message, and closes. */
function serveHttp2(server: Http2Server): void {
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":method"] !== "CONNECT") {
      stream.respond({ ":status": 200 });
      stream.end("http2");
      return;
    }
    stream.respond({ ":status": 200 });
    stream.write(Buffer.from("\x81\x05hello", "latin1"));
    stream.once("data", (frame: Buffer) => {
      const [key, text] = [frame.subarray(2, 6), frame.subarray(6)];
      const plain = text.map((byte, at) => byte ^ (key[at % 4] ?? 0));
      stream.write(Buffer.concat([Buffer.from([0x81, plain.length]), plain]));
      stream.end(Buffer.from([0x88, 2, 0x0f, 0xa3]));
    });
  });
}

beforeAll(async () => {
  target = createServer(serve);
  target.on("upgrade", (incoming, socket, head) => {
    if (incoming.url === "/refused")
      socket.end("HTTP/1.1 418 No\r\nx-reason: tea\r\ncontent-length: 3\r\n\r\ntea");
    else sockets.handleUpgrade(incoming, socket, head, serveSocket);
  });
  http2Target = createHttp2Server({ settings: { enableConnectProtocol: true } });
  serveHttp2(http2Target);
  grpcTarget = await serveInterop();
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => http2Target.listen(0, "127.0.0.1", resolve));
  edge = suite.edge;
  network = await suite.cluster.network(edge);
  for (const hostname of [OPEN, WITH_KEY, HTTP2, GRPC]) {
    const added = await edge.fairlead("hostname", "add", hostname, "--network", network.name);
    expect(added.stderr).toBe("");
  }
  east = await suite.cluster.connector({
    site: "east",
    token: await network.token(),
    expose: [
      `web=127.0.0.1:${(target.address() as AddressInfo).port}/http`,
      `calls=127.0.0.1:${(http2Target.address() as AddressInfo).port}/http2`,
      `rpc=${grpcTarget.at}/http2`,
    ],
    args: [
      ...["--ingress", `web=${OPEN},access=open`, "--ingress", `web=${WITH_KEY}`],
      ...["--ingress", `calls=${HTTP2},access=open`, "--ingress", `rpc=${GRPC},access=open`],
    ],
  });
  await eventually("the hostname is published", async () => (await visit(OPEN)).status === 200);
  for (const hostname of [WITH_KEY, HTTP2, GRPC]) {
    await eventually(`${hostname} is published`, async () => (await visit(hostname)).status !== 421);
  }
});

afterAll(() => {
  target.close();
  http2Target.close();
  void grpcTarget.close();
});

interface Visited {
  readonly status: number;
  readonly body: string;
}

/** Sends a request to the door. Resolves with the response whose head has arrived. */
function send(hostname: string, options: RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: hostname, ...options.headers };
    const sent = request({ host: "127.0.0.1", port, agent: false, ...options, headers }, resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

async function visit(hostname: string, options: RequestOptions = {}, body?: Buffer): Promise<Visited> {
  const answer = await send(hostname, options, body);
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

const withKey = (key: string) => visit(WITH_KEY, { headers: { authorization: `Bearer ${key}` } });

/** A client's WebSocket, and the messages that came. */
interface Opened {
  readonly socket: WebSocket;
  /** Takes the next message. */
  next(): Promise<string | Buffer>;
  readonly closed: Promise<string>;
}

/** Opens a WebSocket to the door. Rejects with the status of a refusal. */
function open(
  hostname: string,
  path = "/",
  options: ClientOptions = {},
  protocols: string[] = [],
): Promise<Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  const headers = { host: hostname, ...options.headers };
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { ...options, headers });
  const received: (string | Buffer)[] = [];
  let take: (() => void) | null = null;
  socket.on("message", (data, binary) => {
    if (!Buffer.isBuffer(data)) return;
    received.push(binary ? data : data.toString());
    take?.();
  });
  const closed = new Promise<string>((ended) => {
    socket.on("close", (code, reason) => ended(`${code} ${reason}`.trim()));
  });
  const next = async (): Promise<string | Buffer> => {
    while (received.length === 0) await new Promise<void>((arrived) => (take = arrived));
    return received.shift() ?? "";
  };
  socket.on("unexpected-response", (_, answer) => {
    const reason = String(answer.headers["x-reason"] ?? "");
    void text(answer).then((body) => reject(new Error(`${answer.statusCode} ${reason} ${body}`)));
  });
  socket.on("error", reject);
  socket.on("open", () => resolve({ socket, next, closed }));
  return promise;
}

describe("A WebSocket to a published service", () => {
  it("carries text, binary, fragments and a message of 1 MiB both ways, and answers pings", async () => {
    const { socket, next } = await open(OPEN, "/live", {}, ["chat.v1", "chat.v2"]);
    expect(socket.protocol).toBe("chat.v2");
    socket.send("text");
    expect(await next()).toBe("text");
    socket.send("");
    expect(await next()).toBe("");
    const large = randomBytes(1024 * 1024);
    socket.send(large);
    expect((await next()) as Buffer).toEqual(large);
    for (const [at, piece] of ["one ", "two ", "three"].entries()) socket.send(piece, { fin: at === 2 });
    expect(await next()).toBe("one two three");
    socket.send("pieces");
    expect(await next()).toBe("in three pieces");
    socket.send("ping");
    expect(await next()).toBe("pong from the target");
    const pong = new Promise<string>((resolve) => socket.once("pong", (data) => resolve(String(data))));
    socket.ping("from the client");
    expect(await pong).toBe("from the client");
    socket.close();
  });

  it("passes on a close of either side with its code and reason", async () => {
    const first = await open(OPEN);
    first.socket.send("close");
    expect(await first.closed).toBe("4002 as asked");
    const second = await open(OPEN);
    second.socket.close(4001, "enough");
    expect(await second.closed).toBe("4001 enough");
    await eventually("the target got the client's close", async () => closes.includes("4001 enough") || null);
    const third = await open(OPEN);
    third.socket.send("vanish");
    expect(await third.closed).toBe("1006");
    const fourth = await open(OPEN);
    closes.length = 0;
    fourth.socket.terminate();
    await eventually(
      "the target noticed the client's end",
      async () => closes[0]?.startsWith("1006") || null,
    );
  });

  it("gets the refusal of the target, and that of the door", async () => {
    await expect(open(OPEN, "/refused")).rejects.toThrow("418 tea tea");
    await expect(open(WITH_KEY)).rejects.toThrow("401");
    const made = await edge.fairlead(
      ...["key", "create", "live", "--door", WITH_KEY, "--network", network.name, "--json"],
    );
    const { key } = CreatedDoorKey.parse(JSON.parse(made.stdout));
    const { socket, next } = await open(WITH_KEY, "/", { headers: { authorization: `Bearer ${key}` } });
    socket.send("in");
    expect(await next()).toBe("in");
    socket.terminate();
  });

  it("reaches a target that speaks HTTP/2 (RFC 8441)", async () => {
    const { socket, next, closed } = await open(HTTP2);
    expect(await next()).toBe("hello");
    socket.send("echo");
    expect(await next()).toBe("echo");
    expect(await closed).toBe("4003");
  });

  it("refuses a message of more than 4 MiB with 1009", async () => {
    const { socket, closed } = await open(OPEN);
    socket.send(Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(await closed).toBe("1009");
  });
});

/** A frame of gRPC-Web. */
const grpcFrame = (message: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};

/** Calls a method by gRPC-Web. Returns the messages, and the trailers as the last frame has them. */
async function callWeb(method: string, message: Buffer) {
  const answer = await send(
    GRPC,
    {
      method: "POST",
      path: `/grpc.testing.TestService/${method}`,
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    },
    grpcFrame(message),
  );
  let rest = await buffer(answer);
  const messages: Buffer[] = [];
  let trailers = "";
  while (rest.length > 0) {
    const end = 5 + rest.readUInt32BE(1);
    if (rest[0] === 0x80) trailers += rest.subarray(5, end).toString();
    else messages.push(rest.subarray(5, end));
    rest = rest.subarray(end);
  }
  return { status: answer.statusCode, type: answer.headers["content-type"], messages, trailers };
}

describe("gRPC-Web through the door", () => {
  const unary = (request: object) =>
    callWeb("UnaryCall", Buffer.from(METHODS.unaryCall.requestSerialize(request)));

  it("makes unary calls and streams of responses", async () => {
    const one = await unary({ response_size: 1000 });
    expect([one.status, one.type, one.messages.length]).toEqual([200, "application/grpc-web+proto", 1]);
    const { payload } = METHODS.unaryCall.responseDeserialize(one.messages[0] ?? Buffer.alloc(0));
    expect(payload?.body).toHaveLength(1000);
    expect(one.trailers).toMatch(/^grpc-status: 0\r$/m);
    const sizes = [10, 100_000, 1];
    const many = await callWeb(
      "StreamingOutputCall",
      Buffer.from(
        METHODS.streamingOutputCall.requestSerialize({
          response_parameters: sizes.map((size) => ({ size })),
        }),
      ),
    );
    const received = many.messages.map(
      (each) => METHODS.streamingOutputCall.responseDeserialize(each).payload?.body.length,
    );
    expect(received).toEqual(sizes);
    expect(many.trailers).toMatch(/^grpc-status: 0\r$/m);
  });

  it("has the target's error in the trailers of its last frame, or in its head", async () => {
    const failed = await unary({ response_status: { code: 5, message: "not here" } });
    expect([failed.status, failed.messages]).toEqual([200, []]);
    expect(failed.trailers).toMatch(/^grpc-status: 5\r$/m);
    expect(failed.trailers).toMatch(/^grpc-message: not%20here\r$/m);
  });
});

describe("TLS at the door", () => {
  /** The status of a request over TLS that trusts one CA. */
  const visitTls = (at: number, ca: string, servername: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: at, ca, servername, headers: { host: servername } };
      const sent = requestHttps({ ...options, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sent.on("error", reject);
      sent.end();
    });

  it("has the given certificate, or else that of the deployment CA", async () => {
    const authority = await makeDeploymentAuthority(Date.now());
    const { certificate, privateKey } = await makeServerCertificate({
      ...{ names: ["*.example.com"], authority, now: Date.now(), lifetime: 3_600_000 },
    });
    const paths = { certificate: suite.cluster.path("door.pem"), key: suite.cluster.path("door.key") };
    await writeFile(paths.certificate, certificate);
    await writeFile(paths.key, privateKey);
    const ports = [await freePort(), await freePort()] as const;
    const given = ["--door-certificate", paths.certificate, "--door-key", paths.key];
    const [, own] = await Promise.all([
      suite.cluster.edge({ args: ["--door", `127.0.0.1:${ports[0]}`, ...given] }),
      suite.cluster.edge({ args: ["--door", `127.0.0.1:${ports[1]}`] }),
    ]);
    // Nothing is published there.
    expect(await visitTls(ports[0], authority.certificate, OPEN)).toBe(421);
    await expect(visitTls(ports[0], own.ca, OPEN)).rejects.toThrow("certificate");
    expect(await visitTls(ports[1], own.ca, "localhost")).toBe(421);
  });
});

describe("A service that is published by a hostname", () => {
  it("answers clients without a connector, and sees the door and the client", async () => {
    const { status, body } = await visit(OPEN, {
      headers: { "fairlead-site": "west", "x-real-ip": "1.2.3.4" },
    });
    expect(status).toBe(200);
    const fields = z.record(z.string(), z.unknown()).parse(JSON.parse(body));
    expect(fields).toMatchObject({
      host: OPEN,
      "fairlead-door": OPEN,
      "fairlead-caller": "anyone",
      "x-forwarded-for": "127.0.0.1",
    });
    expect(fields["fairlead-site"]).toBeUndefined();
    expect(fields["x-real-ip"]).toBeUndefined();
  });

  it("gets a body of 10 MB unchanged", async () => {
    const bytes = randomBytes(10_000_000);
    const { status, body } = await visit(OPEN, { method: "POST" }, bytes);
    expect([status, body]).toEqual([200, createHash("sha256").update(bytes).digest("hex")]);
  });

  it("sees that a client leaves before the head of the response", async () => {
    const sent = request({ host: "127.0.0.1", port, path: "/silent", headers: { host: OPEN }, agent: false });
    sent.on("error", () => {});
    sent.end();
    await eventually("the request arrives", async () => silent.arrived > 0 || null);
    expect(silent.gone).toBe(0);
    sent.destroy();
    await eventually("the target sees that the client left", async () => silent.gone > 0 || null);
  });

  it("sends each event as it comes", async () => {
    const answer = await send(OPEN, { path: "/events" });
    const pieces: string[] = [];
    for await (const piece of answer.setEncoding("utf8")) {
      pieces.push(String(piece));
      if (pieces.join("") === "data: first\n\n") unfinished.pop()?.end("data: last\n\n");
    }
    expect(pieces.join("")).toBe("data: first\n\ndata: last\n\n");
  });

  it("lets in holders of a key for the hostname alone, until it is revoked", async () => {
    const made = await edge.fairlead(
      ...["key", "create", "app", "--door", WITH_KEY, "--network", network.name, "--json"],
    );
    const { id, key } = CreatedDoorKey.parse(JSON.parse(made.stdout));
    expect((await visit(WITH_KEY)).status).toBe(401);
    expect((await withKey("fld_wrong")).status).toBe(401);
    const { status, body } = await withKey(key);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ "fairlead-caller": "key app" });
    expect(body).not.toContain(key);
    await edge.fairlead("key", "revoke", id, "--door", "--network", network.name);
    expect((await withKey(key)).status).toBe(401);
  });

  it("is listed, and unknown by any other hostname", async () => {
    const listed = await edge.fairlead("hostname", "list", "--network", network.name);
    expect(listed.stdout).toMatch(/shop\.example\.com .* web +open +east/);
    const { stdout } = await east.fairlead("service", "status");
    expect(stdout).toMatch(/shop\.example\.com +web +open +published/);
    expect((await visit("other.example.com")).status).toBe(421);
  });

  it("is gone with the hostname, and its WebSockets with it", async () => {
    const { closed } = await open(OPEN);
    await edge.fairlead("hostname", "remove", OPEN, "--network", network.name);
    expect(await closed).toBe("1006");
    await eventually("the hostname is unknown", async () => (await visit(OPEN)).status === 421 || null);
    await east.logged({ hostname: OPEN, code: "ingress.not_granted" });
    const { ingress } = await east.control.services();
    const lineOf = (hostname: string) => ingress?.find((line) => line.hostname === hostname);
    expect(lineOf(OPEN)).toMatchObject({ state: "refused", granted: false, code: "ingress.not_granted" });
    expect(lineOf(WITH_KEY)).toMatchObject({ state: "published", granted: true });
  });
});
