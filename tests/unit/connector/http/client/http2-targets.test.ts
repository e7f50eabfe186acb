/** Requests to targets that speak HTTP/2: servers of Node, and frames that no server would send. */
import { createServer as createHttp1Server } from "node:http";
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../../../support/clock/eventually.ts";
import { holdTime } from "../../../../support/clock/held-time.ts";
import { headerLine } from "../../../../support/http/bad-http2-requests.ts";
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  frameServer,
  STATUS_200,
  uint32,
} from "../../../../support/traffic/http2-frames.ts";
import { tcpServer } from "../../../../support/traffic/sockets.ts";
import { TestTarget } from "../../../../support/traffic/test-exchange.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const GRPC = ["content-type", "application/grpc", "te", "trailers"];

type OnStream = (stream: ServerHttp2Stream, path: string, raw: readonly string[]) => void;

async function http2Server(
  onStream: OnStream | null,
  settings: Parameters<typeof createServer>[0] = {},
): Promise<{ port: number; sessions: Set<ServerHttp2Session>; count: () => number; server: Http2Server }> {
  const sessions = new Set<ServerHttp2Session>();
  let count = 0;
  const server = createServer(settings);
  server.on("session", (session) => {
    count++;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  if (onStream !== null)
    server.on("stream", (stream, headers, _flags, raw: string[]) => {
      stream.on("error", () => {});
      onStream(stream, String(headers[":path"]), raw);
    });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sessions, count: () => count, server };
}

const http2Target = (port: number, limits = {}) => new TestTarget({ port, protocol: "http2", limits });

describe("an exchange with an HTTP/2 target", () => {
  it("sends path, authority and fields as they are, with the site that TLS proved", async () => {
    const { port } = await http2Server((stream, _path, raw) => {
      stream.respond([":status", "200", "set-cookie", "a", "set-cookie", "b"]);
      stream.end(JSON.stringify(raw));
    });
    const { status, fields, content } = await http2Target(port).get({
      path: "/a?b=%20",
      fields: ["x-a", "1", "x-a", "2"],
    }).answer;
    expect(status).toBe(200);
    expect(fields.slice(0, 4)).toEqual(["set-cookie", "a", "set-cookie", "b"]);
    expect(JSON.parse(content)).toEqual([
      ...[":method", "GET", ":scheme", "http", ":path", "/a?b=%20", ":authority", "api.example"],
      ...["x-a", "1", "x-a", "2", "fairlead-site", "west", "fairlead-site-id", "site_west"],
    ]);
  });

  it("carries many requests at the same time in one session", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { port, count } = await http2Server((stream) => void streams.push(stream));
    const target = http2Target(port);
    const exchanges = Array.from({ length: 20 }, () => target.get());
    await eventually("all requests are there", () => streams.length === 20);
    expect(count()).toBe(1);
    for (const stream of streams) {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    }
    for (const exchange of exchanges) expect((await exchange.answer).content).toBe("ok");
  });

  it("opens another session when the target allows no more streams in the first", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { port, count } = await http2Server((stream) => void streams.push(stream), {
      settings: { maxConcurrentStreams: 2 },
    });
    const target = http2Target(port);
    const exchanges = Array.from({ length: 5 }, () => target.get());
    await eventually("all requests are there", () => streams.length === 5);
    expect(count()).toBe(3);
    for (const stream of streams) stream.respond({ ":status": 204 }, { endStream: true });
    for (const exchange of exchanges) expect((await exchange.answer).status).toBe(204);
  });

  it("passes on content and trailers both ways", async () => {
    const { port } = await http2Server((stream) => {
      let trailers = "";
      stream.on("trailers", (_headers, _flags, raw: string[]) => {
        trailers = raw.join();
      });
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-got": trailers }));
      stream.pipe(stream);
    });
    const exchange = http2Target(port).open();
    exchange.write("one ");
    exchange.write("two");
    exchange.end(["x-sum", "3"]);
    expect(await exchange.answer).toMatchObject({ content: "one two", trailers: ["x-got", "x-sum,3"] });
  });

  it("keeps a gRPC error in one head", async () => {
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200, "grpc-status": "5", "grpc-message": "none" }, { endStream: true });
    });
    const { fields, trailers, content } = await http2Target(port).post("x", { fields: GRPC }).answer;
    expect(fields.slice(0, 4)).toEqual(["grpc-status", "5", "grpc-message", "none"]);
    expect({ trailers, content }).toEqual({ trailers: [], content: "" });
  });

  it("speaks HTTP/2 for gRPC at a target of a service with /http", async () => {
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end("reply");
    });
    const target = new TestTarget({ port, protocol: "http" });
    expect(await target.post("x", { fields: GRPC }).answer).toMatchObject({
      content: "reply",
      trailers: ["grpc-status", "0"],
    });
  });

  it("passes on 103", async () => {
    const { port } = await http2Server((stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
      stream.respond({ ":status": 200 });
      stream.end("done");
    });
    const { informational, content } = await http2Target(port).get().answer;
    expect({ informational, content }).toEqual({
      informational: [{ status: 103, fields: ["link", "</a.css>"] }],
      content: "done",
    });
  });

  it("lets the target decide whether it wants the content", async () => {
    const { port, server } = await http2Server(null);
    server.on("request", () => {});
    server.on("checkContinue", (request, response) => {
      response.writeContinue();
      request.pipe(response);
    });
    const exchange = http2Target(port).open({ fields: ["expect", "100-continue"] });
    await eventually("the target agrees", () => exchange.informational.length > 0);
    exchange.write("content");
    exchange.end();
    expect((await exchange.answer).content).toBe("content");
  });

  it("ends a response to HEAD with its head", async () => {
    const { port } = await http2Server((stream) => stream.respond({ ":status": 200, "content-length": "7" }));
    const { status, content, fields } = await http2Target(port).get({ method: "HEAD" }).answer;
    expect({ status, content }).toEqual({ status: 200, content: "" });
    expect(fields).toEqual(expect.arrayContaining(["content-length", "7"]));
  });

  it("sends the rest of the request to a target that responded early", async () => {
    let got = "";
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.end("early");
      stream.on("data", (piece) => {
        got += String(piece);
      });
    });
    const exchange = http2Target(port).open();
    exchange.write("one");
    expect((await exchange.answer).content).toBe("early");
    exchange.write("two");
    exchange.end();
    await eventually("the target has the rest", () => got === "onetwo");
  });

  it("passes on a large request and a large response", async () => {
    const big = "0123456789abcdef".repeat(128 * 1024);
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    const exchange = http2Target(port).open();
    for (let at = 0; at < big.length; at += 65_536) exchange.write(big.slice(at, at + 65_536));
    exchange.end();
    expect((await exchange.answer).content === big).toBe(true);
  });

  it("delays no other request while a client does not read", async () => {
    const { port } = await http2Server(
      (stream, path) => {
        stream.respond({ ":status": 200 });
        stream.end(path === "/big" ? Buffer.alloc(16 * 1024 * 1024) : "small");
      },
      // With the usual 10 MB the server refuses streams beside the large response.
      { maxSessionMemory: 100 },
    );
    const target = http2Target(port);
    const stalled = target.get({ path: "/big" });
    await stalled.head;
    stalled.far.pause();
    for (let count = 0; count < 20; count++) expect((await target.get().answer).content).toBe("small");
    stalled.far.resume();
    expect((await stalled.answer).content.length).toBe(16 * 1024 * 1024);
  });

  it("cancels the stream at the target when the client leaves, and no other", async () => {
    const codes: number[] = [];
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("begin");
      stream.on("close", () => codes.push(stream.rstCode));
    });
    const target = http2Target(port);
    const [left, stays] = [target.get(), target.get()];
    await Promise.all([left.head, stays.head]);
    left.stream.destroy();
    await eventually("the target has the reset", () => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
    expect(stays.stream.destroyed).toBe(false);
    stays.stream.destroy();
  });

  it("closes a session without requests after a while", async () => {
    const { port, sessions } = await http2Server((stream) =>
      stream.respond({ ":status": 204 }, { endStream: true }),
    );
    const target = http2Target(port, { keptMs: 20 });
    await target.get().answer;
    await eventually("the session is closed", () => sessions.size === 0 && target.clients.connections === 0);
    expect((await target.get().answer).status).toBe(204);
  });
});

describe("an extended CONNECT to an HTTP/2 target", () => {
  it("answers 101 where the target agrees, and carries bytes both ways", async () => {
    let raw: readonly string[] = [];
    const { port } = await http2Server(
      (stream, _path, given) => {
        raw = given;
        stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    const exchange = http2Target(port).open({ method: "GET", protocol: "websocket", path: "/ws" });
    const head = await exchange.head;
    expect(head.status).toBe(101);
    expect(head.fields.slice(0, 2)).toEqual(["sec-websocket-protocol", "chat"]);
    exchange.write("frame");
    await eventually("the echo", () => exchange.content === "frame");
    exchange.end();
    await exchange.answer;
    expect(raw.slice(0, 4)).toEqual([":method", "CONNECT", ":protocol", "websocket"]);
  });

  it("is refused where the target does not allow it", async () => {
    const { port } = await http2Server((stream) => stream.respond({ ":status": 200 }));
    const exchange = http2Target(port).open({ method: "GET", protocol: "websocket" });
    await expect(exchange.answer).rejects.toEqual(code("exchange.refused"));
  });

  it("carries the tunnel of a plain CONNECT", async () => {
    const { port } = await http2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    const exchange = http2Target(port).open({
      method: "CONNECT",
      scheme: "",
      path: "",
      authority: "db:5432",
    });
    expect((await exchange.head).status).toBe(200);
    exchange.write("bytes");
    await eventually("the echo", () => exchange.content === "bytes");
    exchange.end();
    await exchange.answer;
  });
});

describe("a request that an HTTP/2 target did not process", () => {
  it("is reported as refused after REFUSED_STREAM", async () => {
    const { port } = await frameServer((socket, { type, stream }) => {
      if (type === FRAME.headers) {
        socket.write(frame(FRAME.reset, 0, stream, uint32(constants.NGHTTP2_REFUSED_STREAM)));
      }
    });
    const exchange = http2Target(port).post("x");
    await exchange.accepted;
    await expect(exchange.answer).rejects.toEqual(code("exchange.refused"));
  });

  it.each([
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
  ])(
    "is reported as refused when GOAWAY with %s names an earlier stream, and the next one gets a new session",
    async (_, reason) => {
      const { port, connections } = await frameServer((socket, { type, stream }) => {
        if (type !== FRAME.headers) return;
        if (stream === 1) socket.write(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, STATUS_200));
        else socket.write(frame(FRAME.goaway, 0, 0, uint32(1, reason)));
      });
      const target = http2Target(port);
      expect((await target.get().answer).status).toBe(200);
      await expect(target.get().answer).rejects.toEqual(code("exchange.refused"));
      expect((await target.get().answer).status).toBe(200);
      expect(connections()).toBe(2);
    },
  );

  it("ends well when GOAWAY lets it", async () => {
    const { port } = await frameServer((socket, { type, stream }) => {
      if (type !== FRAME.headers) return;
      socket.write(frame(FRAME.goaway, 0, 0, uint32(stream, constants.NGHTTP2_NO_ERROR)));
      setTimeout(() => socket.write(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, STATUS_200)), 20);
    });
    expect((await http2Target(port).get().answer).status).toBe(200);
  });
});

describe("an HTTP/2 target that breaks off", () => {
  it.each([
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["PROTOCOL_ERROR", constants.NGHTTP2_PROTOCOL_ERROR],
  ])(
    "never has its half of a response taken for a whole one, after RST_STREAM with %s",
    async (_, reason) => {
      const { port } = await frameServer((socket, { type, stream }) => {
        if (type !== FRAME.headers) return;
        socket.write(frame(FRAME.headers, END_HEADERS, stream, STATUS_200));
        socket.write(frame(FRAME.data, 0, stream, Buffer.from("half")));
        setTimeout(() => socket.write(frame(FRAME.reset, 0, stream, uint32(reason))), 20);
      });
      await expect(http2Target(port).get().answer).rejects.toEqual(code("exchange.failed"));
    },
  );

  it.each([
    [
      "a head without an end",
      (socket: Socket, stream: number) => {
        socket.write(frame(FRAME.headers, 0, stream, STATUS_200));
        const more = frame(
          FRAME.continuation,
          0,
          stream,
          Buffer.alloc(16_000, headerLine("x", "y".repeat(100))),
        );
        for (let count = 0; count < 200 && !socket.destroyed; count++) socket.write(more);
      },
    ],
    [
      "a head that is too large",
      (socket: Socket, stream: number) => {
        const lines = Buffer.concat(Array.from({ length: 1000 }, () => headerLine("x", "y".repeat(100))));
        const pieces = [
          STATUS_200,
          ...Array.from({ length: 7 }, (_, at) => lines.subarray(at * 16_000, (at + 1) * 16_000)),
        ];
        socket.write(frame(FRAME.headers, END_STREAM, stream, pieces[0] ?? Buffer.alloc(0)));
        for (const [at, piece] of pieces.slice(1).entries()) {
          socket.write(frame(FRAME.continuation, at === 6 ? END_HEADERS : 0, stream, piece));
        }
      },
    ],
    [
      "a field of one connection",
      (socket: Socket, stream: number) => {
        const block = Buffer.concat([STATUS_200, headerLine("transfer-encoding", "chunked")]);
        socket.write(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, block));
      },
    ],
    [
      "two lengths",
      (socket: Socket, stream: number) => {
        const lengths = [headerLine("content-length", "1"), headerLine("content-length", "2")];
        socket.write(frame(FRAME.headers, END_HEADERS, stream, Buffer.concat([STATUS_200, ...lengths])));
        socket.write(frame(FRAME.data, END_STREAM, stream, Buffer.from("a")));
      },
    ],
    [
      "content of another length than it announced",
      (socket: Socket, stream: number) => {
        const block = Buffer.concat([STATUS_200, headerLine("content-length", "5")]);
        socket.write(frame(FRAME.headers, END_HEADERS, stream, block));
        socket.write(frame(FRAME.data, END_STREAM, stream, Buffer.from("abc")));
      },
    ],
    [
      "informational responses without end",
      (socket: Socket, stream: number) => {
        const early = frame(FRAME.headers, END_HEADERS, stream, headerLine(":status", "103"));
        for (let count = 0; count < 1000 && !socket.destroyed; count++) socket.write(early);
      },
    ],
  ])("fails a request that it answers with %s", async (_, respond) => {
    const { port } = await frameServer((socket, { type, stream }) => {
      if (type === FRAME.headers) respond(socket, stream);
    });
    await expect(http2Target(port).get().answer).rejects.toMatchObject({
      code: expect.stringMatching(/^exchange\./),
    });
  });

  it("fails a request that may have been processed", async () => {
    const { port } = await frameServer((socket, { type, stream }) => {
      if (type === FRAME.headers)
        socket.write(frame(FRAME.reset, 0, stream, uint32(constants.NGHTTP2_INTERNAL_ERROR)));
    });
    await expect(http2Target(port).post("x").answer).rejects.toEqual(code("exchange.failed"));
  });

  it("fails its requests when the connection is gone", async () => {
    const { port } = await frameServer((socket, { type }) => {
      if (type === FRAME.headers) setTimeout(() => socket.destroy(), 20);
    });
    const target = http2Target(port);
    const exchanges = [target.get(), target.get()];
    for (const { answer } of exchanges) await expect(answer).rejects.toEqual(code("exchange.failed"));
  });

  it("is reported before ACCEPT when it does not speak HTTP/2", async () => {
    const server = createHttp1Server((_request, response) => response.end("ok"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const exchange = http2Target(port).get();
    await expect(exchange.accepted).rejects.toEqual(code("exchange.bad_response"));
  });

  it("is reported before ACCEPT when it is silent", async () => {
    const { port } = await tcpServer(() => {});
    const exchange = http2Target(port, { connectMs: 50 }).get();
    await expect(exchange.accepted).rejects.toEqual(code("exchange.bad_response"));
  });
});

describe("the deadline of a gRPC call", () => {
  it("ends the call, although the target would be waited for longer", async () => {
    const pass = holdTime();
    const codes: number[] = [];
    let calls = 0;
    const { port } = await http2Server((stream) => {
      calls++;
      stream.on("close", () => codes.push(stream.rstCode));
    });
    const fields = [...GRPC, "grpc-timeout", "50m"];
    const { answer } = http2Target(port).post("x", { fields });
    await eventually("the target has the call", () => calls === 1);
    await pass(50);
    await expect(answer).rejects.toEqual(code("exchange.timeout"));
    await eventually("the target has the reset", () => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_CANCEL]);
  });

  it("is no limit of the first byte for a call without one", async () => {
    const { port } = await http2Server((stream) => {
      setTimeout(() => {
        stream.respond({ ":status": 200, "grpc-status": "0" }, { endStream: true });
      }, 200);
    });
    const exchange = http2Target(port, { firstByteMs: 50 }).post("x", { fields: GRPC });
    expect((await exchange.answer).status).toBe(200);
  });
});
