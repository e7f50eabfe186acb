import { once } from "node:events";
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { makeCertificates } from "../../../../support/authority/server-certificates.ts";
import { eventually } from "../../../../support/clock/eventually.ts";
import { holdTime } from "../../../../support/clock/held-time.ts";
import { HttpListener } from "../../../../support/connector/http-listener.ts";
import {
  BAD_HTTP2_REQUESTS,
  GOOD_HEAD,
  headerLine,
  PREFACE,
} from "../../../../support/http/bad-http2-requests.ts";
import { frame } from "../../../../support/traffic/http2-frames.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

const listeners: HttpListener[] = [];
const sessions: ClientHttp2Session[] = [];

async function listen(...args: Parameters<typeof HttpListener.start>): Promise<HttpListener> {
  const listener = await HttpListener.start(...args);
  listeners.push(listener);
  return listener;
}

function dial(listener: HttpListener): ClientHttp2Session {
  const session = http2.connect(listener.origin);
  session.on("error", () => {});
  sessions.push(session);
  return session;
}

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  /** Whether the head ended the stream. */
  readonly endStream: boolean;
  readonly text: string;
  readonly trailers: http2.IncomingHttpHeaders | null;
  readonly code: number;
}

/** The answer to a request, up to the close of its stream. */
async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: http2.IncomingHttpHeaders = {};
  let endStream = false;
  let trailers: http2.IncomingHttpHeaders | null = null;
  let text = "";
  stream.on("response", (received, flags) => {
    headers = received;
    endStream = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  stream.on("trailers", (received) => (trailers = received));
  stream.on("data", (piece) => (text += String(piece)));
  stream.on("error", () => {});
  await new Promise((resolve) => stream.once("close", resolve));
  return { headers, endStream, text, trailers, code: stream.rstCode ?? 0 };
}

const GRPC = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

/** Everything that a raw client gets until the server closes the connection. */
async function received(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  await new Promise((resolve) => (socket.closed ? resolve(null) : socket.once("close", resolve)));
  return Buffer.concat(pieces);
}

/** The types of the frames, and the codes of RST_STREAM and GOAWAY. */
function framesOf(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const type = bytes[at + 3] ?? 0;
    if (type === 3) frames.push(`reset ${bytes.readUInt32BE(at + 9)}`);
    else if (type === 7) frames.push(`goaway ${bytes.readUInt32BE(at + 13)}`);
    else frames.push(String(type));
  }
  return frames;
}

describe("a connection of HTTP/2", () => {
  it("gives each request to the peer, with one line of cookies and the authority as its host", async () => {
    const listener = await listen();
    const session = dial(listener);
    const stream = session.request({ ":path": "/a?b", cookie: ["a=1", "b=2"], "x-forwarded-for": "9.9.9.9" });
    const { headers, text } = await answerOf(stream);
    expect(headers[":status"]).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      method: "GET",
      path: "/a?b",
      authority: `127.0.0.1:${listener.port}`,
    });
    const fields = listener.peer.requests[0]?.head.fields.join(" ") ?? "";
    expect(fields).toContain("cookie a=1; b=2");
    expect(fields).toContain("x-forwarded-for 127.0.0.1");
    expect(fields).toContain("via 2.0 fairlead");
    expect(listener.reports).toMatchObject([
      { protocol: "http2", method: "GET", path: "/a", status: 200, outcome: "completed" },
    ]);
  });

  it("passes content and trailers on in both directions, as gRPC needs them", async () => {
    const listener = await listen(async (request) => {
      request.response.head({ status: 200, fields: ["content-type", "application/grpc"] });
      const content = await request.content();
      request.response.content(Buffer.from(content.toUpperCase()));
      request.response.end(["grpc-status", "0", "x-in", request.trailers.join("=")]);
      request.far.end();
    });
    const stream = dial(listener).request(GRPC, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-out": "1" }));
    stream.write("hello ");
    setTimeout(() => stream.end("world"), 10);
    const { text, trailers, code } = await answerOf(stream);
    expect(text).toBe("HELLO WORLD");
    expect(trailers).toMatchObject({ "grpc-status": "0", "x-in": "x-out=1" });
    expect(code).toBe(NGHTTP2_NO_ERROR);
    expect(listener.peer.requests[0]?.head.fields.join(" ")).toContain("te trailers");
    expect(listener.reports).toMatchObject([{ protocol: "grpc", grpcStatus: 0, outcome: "completed" }]);
  });

  it("keeps the head of a response that ends with it in one frame", async () => {
    const fields = ["content-type", "application/grpc", "grpc-status", "5", "grpc-message", "no such thing"];
    const listener = await listen((request) => request.respond(200, fields));
    const { headers, endStream } = await answerOf(dial(listener).request(GRPC).end("x"));
    expect(headers).toMatchObject({ "grpc-status": "5", "grpc-message": "no such thing" });
    expect(endStream).toBe(true);
    expect(listener.reports).toMatchObject([{ grpcStatus: 5, status: 200 }]);
  });

  it("answers a gRPC call that no instance takes with a status of gRPC, and other requests with one of HTTP", async () => {
    const listener = await listen();
    listener.peer.refusal = new FairleadError("service.unavailable");
    const session = dial(listener);
    const call = await answerOf(session.request(GRPC).end());
    expect(call).toMatchObject({ headers: { ":status": 200, "grpc-status": "14" }, endStream: true });
    expect(call.headers["proxy-status"]).toContain("destination_unavailable");
    const plain = await answerOf(session.request({ ":path": "/" }));
    expect(plain.headers[":status"]).toBe(503);
    listener.peer.refusal = new FairleadError("service.timeout");
    expect((await answerOf(session.request(GRPC).end())).headers["grpc-status"]).toBe("4");
  });

  it("relays informational responses", async () => {
    const listener = await listen((request) => {
      request.response.informational({ status: 103, fields: ["link", "</a>", "link", "</b>"] });
      request.respond(200);
    });
    const stream = dial(listener).request({ ":path": "/" });
    const hints: http2.IncomingHttpHeaders[] = [];
    stream.on("headers", (headers) => hints.push(headers));
    expect((await answerOf(stream)).headers[":status"]).toBe(200);
    expect(hints).toMatchObject([{ ":status": 103, link: "</a>, </b>" }]);
  });

  it("answers HEAD with the length that the target names, and no content", async () => {
    const listener = await listen((request) => request.respond(200, ["content-length", "1000"]));
    const answer = await answerOf(dial(listener).request({ ":method": "HEAD" }));
    expect(answer).toMatchObject({ headers: { "content-length": "1000" }, endStream: true, text: "" });
  });

  it("tells the peer that the client has reset its stream, and keeps the connection", async () => {
    const listener = await listen((request) => {
      if (request.head.path === "/") request.response.head({ status: 200, fields: [] });
      else request.respond(204);
    });
    const session = dial(listener);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    await once(stream, "response");
    stream.close(NGHTTP2_CANCEL);
    await listener.peer.requests[0]?.closed;
    expect(listener.reports).toMatchObject([{ outcome: "stream.cancelled", status: 200 }]);
    expect((await answerOf(session.request({ ":path": "/next" }))).headers[":status"]).toBe(204);
    expect(listener.server.exchanges).toBe(0);
  });

  it("resets the client's stream when the response breaks off, and ends a gRPC call with a status", async () => {
    const listener = await listen((request) => {
      request.response.head({ status: 200, fields: [] });
      request.response.content(Buffer.from("x"));
      setTimeout(() => request.reset(new FairleadError("session.lost")), 20);
    });
    const session = dial(listener);
    expect(await answerOf(session.request({ ":path": "/" }))).toMatchObject({
      code: NGHTTP2_INTERNAL_ERROR,
      text: "x",
    });
    const call = await answerOf(session.request(GRPC).end());
    expect(call).toMatchObject({ code: NGHTTP2_NO_ERROR, trailers: { "grpc-status": "14" } });
  });

  it("ends the streams of a client that has gone", async () => {
    const listener = await listen(() => {});
    const session = dial(listener);
    for (let count = 0; count < 5; count++) session.request({ ":path": "/" }).on("error", () => {});
    await listener.arrived(5);
    session.destroy();
    await Promise.all(listener.peer.requests.map((request) => request.closed));
    await eventually("no connection", () => listener.server.connections === 0);
    expect(listener.server.exchanges).toBe(0);
  });

  it("delivers an early response and resets the rest of the request with NO_ERROR", async () => {
    const listener = await listen((request) => request.respond(413, [], "too large"));
    const socket = listener.connect();
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    const content = frame(0, 0, 1, Buffer.alloc(16 * 1024));
    socket.write(Buffer.concat([PREFACE, frame(1, 4, 1, GOOD_HEAD), content, content]));
    await eventually("a reset", () => framesOf(Buffer.concat(pieces)).includes(`reset ${NGHTTP2_NO_ERROR}`));
    expect(Buffer.concat(pieces).toString("latin1")).toContain("too large");
    expect(
      framesOf(Buffer.concat(pieces)).filter((text) => text === "1" || text.startsWith("reset")),
    ).toEqual(["1", "reset 0"]);
  });

  it("joins an extended CONNECT with its target, and gives it no 2xx of a target that did not switch", async () => {
    const listener = await listen((request) => {
      expect(request.head).toMatchObject({
        method: "CONNECT",
        protocol: "websocket",
        path: "/live",
        scheme: "http",
      });
      if (request.head.fields.includes("x-no")) return request.respond(200, [], "a page");
      request.response.head({ status: 101, fields: ["sec-websocket-protocol", "chat"] });
      request.onContent = (bytes) => request.response.content(bytes);
      void request.content().then(() => {
        request.response.end();
        request.far.end();
      });
    });
    const session = dial(listener);
    await once(session, "remoteSettings");
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const connect = {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": "/live",
      "sec-websocket-version": "13",
    };
    const stream = session.request(connect, { endStream: false });
    const answer = answerOf(stream);
    stream.write("frame");
    await once(stream, "data");
    stream.end();
    expect(await answer).toMatchObject({
      headers: { ":status": 200, "sec-websocket-protocol": "chat" },
      text: "frame",
    });
    const refused = session.request({ ...connect, "x-no": "x-no" }, { endStream: false });
    expect((await answerOf(refused)).headers[":status"]).toBe(502);
  });

  it("tunnels a CONNECT", async () => {
    const listener = await listen((request) => {
      expect(request.head).toMatchObject({ method: "CONNECT", authority: "db:5432", path: "", scheme: "" });
      request.response.head({ status: 200, fields: [] });
      void request.content().then((content) => {
        request.response.content(Buffer.from(`${content}!`));
        request.response.end();
        request.far.end();
      });
    });
    const stream = dial(listener).request(
      { ":method": "CONNECT", ":authority": "db:5432" },
      { endStream: false },
    );
    stream.end("hello");
    expect(await answerOf(stream)).toMatchObject({ headers: { ":status": 200 }, text: "hello!" });
  });

  it.each(BAD_HTTP2_REQUESTS.filter(({ isDropped }) => !isDropped))(
    "refuses $title without a request to the peer",
    async ({ block }) => {
      const pass = holdTime();
      const listener = await listen(undefined, { limits: { keptMs: 100, lingerMs: 50 } });
      const socket = listener.connect();
      socket.write(Buffer.concat([PREFACE, frame(1, 5, 1, block)]));
      const bytes = received(socket);
      await eventually("the connection is closed", async () => {
        await pass(20);
        return socket.closed;
      });
      const frames = framesOf(await bytes);
      expect(frames.some((text) => /^(?:reset|goaway) 1$/.test(text))).toBe(true);
      expect(listener.peer.requests).toHaveLength(0);
    },
  );

  it.each(BAD_HTTP2_REQUESTS.filter(({ isDropped }) => isDropped))(
    "gives the peer nothing of $title",
    async ({ block }) => {
      const listener = await listen();
      const socket = listener.connect();
      socket.write(Buffer.concat([PREFACE, frame(1, 5, 1, block)]));
      await listener.arrived(1);
      const fields = listener.peer.requests[0]?.head.fields ?? [];
      expect(fields.filter((_, at) => at % 2 === 0)).toEqual([
        ...["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"],
      ]);
      socket.destroy();
    },
  );

  it("ends a connection that floods it with resets, and the peer gets no more requests than the burst", async () => {
    const listener = await listen(() => {}, { limits: { resetBurst: 20, resetRate: 1 } });
    const socket = listener.connect();
    const closed = received(socket);
    socket.write(PREFACE);
    for (let stream = 1; stream < 2000 && !socket.destroyed; stream += 2) {
      const cancel = Buffer.alloc(4);
      cancel.writeUInt32BE(NGHTTP2_CANCEL, 0);
      socket.write(Buffer.concat([frame(1, 5, stream, GOOD_HEAD), frame(3, 0, stream, cancel)]));
    }
    expect(framesOf(await closed).some((text) => text.startsWith("goaway"))).toBe(true);
    expect(listener.peer.requests.length).toBeLessThan(200);
    await eventually("no exchange", () => listener.server.exchanges === 0);
  });

  it("ends a connection that makes it reset streams without end", async () => {
    const listener = await listen(() => {}, { limits: { resetBurst: 20, resetRate: 1 } });
    const socket = listener.connect();
    const closed = received(socket);
    socket.write(PREFACE);
    for (let stream = 1; stream < 8000 && !socket.destroyed; stream += 2) {
      // An increment of zero is an error of the stream, which the server resets.
      const update = frame(8, 0, stream, Buffer.alloc(4));
      socket.write(Buffer.concat([frame(1, 4, stream, GOOD_HEAD), update]));
      if (stream % 100 === 1) await new Promise(setImmediate);
    }
    expect(framesOf(await closed).some((text) => text.startsWith("goaway"))).toBe(true);
    expect(listener.peer.requests.length).toBeLessThan(1500);
    await eventually("no exchange", () => listener.server.exchanges === 0);
  });

  it("closes a connection whose head never ends", async () => {
    const listener = await listen(undefined, { limits: { keptMs: 60, lingerMs: 60 } });
    const socket = listener.connect();
    const closed = received(socket);
    socket.write(Buffer.concat([PREFACE, frame(1, 1, 1, GOOD_HEAD)]));
    await closed;
    expect(listener.peer.requests).toHaveLength(0);
    await eventually("no connection", () => listener.server.connections === 0);
  });

  it("ends a connection that floods it with CONTINUATION", async () => {
    const listener = await listen();
    const socket = listener.connect();
    const closed = received(socket);
    socket.write(Buffer.concat([PREFACE, frame(1, 1, 1, GOOD_HEAD)]));
    const more = frame(
      9,
      0,
      1,
      Buffer.concat(Array.from({ length: 60 }, () => headerLine("x".repeat(100), "y".repeat(100)))),
    );
    for (let count = 0; count < 500 && !socket.destroyed; count++) socket.write(more);
    const frames = framesOf(await closed);
    expect(frames.some((text) => text.startsWith("goaway"))).toBe(true);
    expect(listener.peer.requests).toHaveLength(0);
  });

  it("is served over TLS, where a client chooses it by ALPN", async () => {
    const { certificate, key, ca } = await makeCertificates();
    const listener = await listen(undefined, { tls: createSecureContext({ cert: certificate, key }) });
    const session = http2.connect(`https://127.0.0.1:${listener.port}`, {
      ca,
      checkServerIdentity: () => undefined,
    });
    session.on("error", () => {});
    sessions.push(session);
    const { text } = await answerOf(session.request({ ":path": "/a" }));
    expect(JSON.parse(text)).toMatchObject({ path: "/a" });
    expect(listener.peer.requests[0]?.head.scheme).toBe("https");
  });

  it("is closed in order where it begins while the server drains", async () => {
    const listener = await listen();
    listener.server.drain();
    const session = dial(listener);
    const { code } = await answerOf(session.request({ ":path": "/late" }));
    expect(code).not.toBe(NGHTTP2_NO_ERROR);
    expect(listener.peer.requests).toHaveLength(0);
    await eventually("no connection", () => listener.server.connections === 0);
  });

  /** A connection that begins once several pieces of its client have arrived. */
  async function beginLate(pieces: readonly Buffer[]) {
    const { promise, resolve } = Promise.withResolvers<number>();
    const listener = await listen(undefined, { dials: { behind: () => promise } });
    const socket = listener.connect();
    const closed = received(socket);
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((after) => setTimeout(after, 50));
    }
    resolve(0);
    return { listener, closed };
  }

  it("may be destroyed as soon as it begins", async () => {
    const { listener, closed } = await beginLate([PREFACE, frame(1, 5, 1, GOOD_HEAD)]);
    // The connection is made by one of the next jobs; what the library puts off runs after all of them.
    for (let jobs = 0; jobs < 10; jobs++) await null;
    listener.server.close();
    await closed;
    expect(listener.peer.requests).toHaveLength(0);
  });

  it("sends GOAWAY when it drains, and lets open requests finish", async () => {
    const listener = await listen((request) => {
      if (request.head.path === "/quick") request.respond(204);
    });
    const session = dial(listener);
    await answerOf(session.request({ ":path": "/quick" }));
    const open = answerOf(session.request({ ":path": "/slow" }));
    await listener.arrived(2);
    const goaway = once(session, "goaway");
    listener.server.drain();
    const [code] = await goaway;
    expect(code).toBe(NGHTTP2_NO_ERROR);
    listener.peer.requests[1]?.respond(200, [], "late");
    expect(await open).toMatchObject({ text: "late", headers: { ":status": 200 } });
    if (!session.closed) await once(session, "close");
  });

  it("closes a connection without requests in time, and a client that sends no content", async () => {
    const pass = holdTime();
    const listener = await listen(() => {}, { limits: { keptMs: 100, lingerMs: 50, bodyIdleMs: 60 } });
    const session = dial(listener);
    const stream = session.request({ ":method": "POST" });
    stream.write("x");
    await eventually("the content arrives", () => listener.peer.requests[0]?.bytes === 1);
    const answer = answerOf(stream);
    await pass(80);
    await eventually("the stream is reset", async () => {
      await pass(1);
      return stream.closed;
    });
    expect((await answer).headers[":status"]).toBe(408);
    expect(session.closed).toBe(false);
    await eventually("the session is closed", async () => {
      await pass(50);
      return session.closed;
    });
    await eventually("no connection", () => listener.server.connections === 0);
  });

  it("reads no more of a response than a stalled client lets it, and no more of a request than a stalled peer", async () => {
    let written = 0;
    const listener = await listen((request) => {
      if (request.head.method === "POST") {
        request.far.pause();
        request.response.head({ status: 200, fields: [] });
        return;
      }
      request.response.head({ status: 200, fields: [] });
      const piece = Buffer.alloc(64 * 1024);
      const push = (): void => {
        while (!request.far.destroyed && !request.far.writableNeedDrain && written < 256e6) {
          request.response.content(piece);
          written += piece.length;
        }
        request.far.once("drain", push);
      };
      push();
    });
    const session = dial(listener);
    const stalled = session.request({ ":path": "/" });
    stalled.pause();
    const sender = session.request({ ":method": "POST" });
    for (const stream of [stalled, sender]) stream.on("error", () => {});
    let sent = 0;
    const send = (): void => {
      while (!sender.destroyed && sent < 256e6) {
        sent += 16 * 1024;
        if (!sender.write(Buffer.alloc(16 * 1024))) break;
      }
      sender.once("drain", send);
    };
    send();
    let before = -1;
    await eventually("both stand still", () => {
      const now = written + sent;
      const isStill = now === before;
      before = now;
      return isStill && written > 0;
    });
    expect(written).toBeLessThan(8e6);
    expect(sent).toBeLessThan(8e6);
  });
});
