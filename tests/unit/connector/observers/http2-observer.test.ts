import { once } from "node:events";
import { connect as connectHttp2, createServer } from "node:http2";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Http2Observer, PREFACE } from "../../../../connector/observers/http2-observer.ts";
import { ObservationError } from "../../../../connector/observers/observation-error.ts";
import { PartialBytesBudget } from "../../../../connector/observers/partial-bytes.ts";
import { encodeByNghttp2, FLAG, FRAME, frame } from "../../../support/http/http2-bytes.ts";
import { cut, Observation } from "../../../support/http/observation.ts";

const { endStream, endHeaders, padded, priority } = FLAG;
const START = Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]);

// Literals without indexing, which no dynamic table changes.
const field = (name: string, value: string) =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
const block = (fields: Record<string, string>) =>
  Buffer.concat(Object.entries(fields).map(([name, value]) => field(name, value)));
const GET = block({ ":method": "GET", ":path": "/a?secret=1", ":authority": "shop", cookie: "secret=2" });
const POST = block({ ":method": "POST", ":path": "/b" });
const CALL = block({ ":method": "POST", ":path": "/pkg.Api/Get", "content-type": "application/grpc+proto" });
const status = (code: number) => block({ ":status": String(code) });
const whole = endStream | endHeaders;

describe("an observed HTTP/2 connection", () => {
  it("reports a request without its query and cookies, with the bytes of its frames", () => {
    const request = frame(FRAME.headers, whole, 1, GET);
    const response = [
      frame(FRAME.headers, endHeaders, 1, status(200)),
      frame(FRAME.data, endStream, 1, "hello"),
    ];
    const { reports } = new Observation()
      .toTarget(START, request)
      .toClient(frame(FRAME.settings, 0, 0), ...response);
    expect(reports).toMatchObject([
      {
        ...{
          protocol: "http2",
          method: "GET",
          path: "/a",
          authority: "shop",
          status: 200,
          outcome: "completed",
        },
        ...{ bytesToTarget: request.length, bytesToClient: Buffer.concat(response).length },
        ...{ ms: expect.any(Number), firstByteMs: expect.any(Number) },
      },
    ]);
    expect(JSON.stringify(reports)).not.toContain("secret");
  });

  it("reports a gRPC call with the status of its trailers", () => {
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, endHeaders, 1, CALL), frame(FRAME.data, endStream, 1, "message"))
      .toClient(frame(FRAME.headers, endHeaders, 1, status(200)), frame(FRAME.data, 0, 1, "answer"));
    expect(observation.texts).toEqual([]);
    observation.toClient(frame(FRAME.headers, whole, 1, block({ "grpc-status": "5", "grpc-message": "no" })));
    expect(observation.texts).toEqual(["grpc POST /pkg.Api/Get 200 grpc-status 5"]);
  });

  it("reports a gRPC call that is answered with trailers only", () => {
    const answer = Buffer.concat([status(200), block({ "grpc-status": "12" })]);
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, whole, 1, CALL))
      .toClient(frame(FRAME.headers, whole, 1, answer));
    expect(observation.texts).toEqual(["grpc POST /pkg.Api/Get 200 grpc-status 12"]);
  });

  it.each(["application/grpc-web", "application/grpcx", "text/plain"])(
    "takes %s for no gRPC call",
    (type) => {
      const request = Buffer.concat([POST, block({ "content-type": type })]);
      const observation = new Observation()
        .toTarget(START, frame(FRAME.headers, whole, 1, request))
        .toClient(frame(FRAME.headers, whole, 1, status(200)));
      expect(observation.texts).toEqual(["http2 POST /b 200"]);
    },
  );

  it("follows streams that are interleaved", () => {
    const observation = new Observation().toTarget(
      START,
      frame(FRAME.headers, whole, 1, GET),
      frame(FRAME.headers, endHeaders, 3, POST),
      frame(FRAME.headers, whole, 5, CALL),
      frame(FRAME.data, endStream, 3, "body"),
    );
    observation.toClient(
      frame(FRAME.headers, endHeaders, 5, status(200)),
      frame(FRAME.headers, endHeaders, 3, status(201)),
      frame(FRAME.data, endStream, 3),
      frame(FRAME.headers, whole, 1, status(404)),
      frame(FRAME.headers, whole, 5, block({ "grpc-status": "0" })),
    );
    expect(observation.texts).toEqual([
      "http2 POST /b 201",
      "http2 GET /a 404",
      "grpc POST /pkg.Api/Get 200 grpc-status 0",
    ]);
  });

  it("takes the final response behind interim ones, and trailers behind bodies", () => {
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, endHeaders, 1, POST), frame(FRAME.data, 0, 1, "a"))
      .toTarget(frame(FRAME.headers, whole, 1, block({ "x-sum": "1" })))
      .toClient(
        frame(FRAME.headers, endHeaders, 1, status(103)),
        frame(FRAME.headers, endHeaders, 1, status(200)),
      )
      .toClient(frame(FRAME.data, 0, 1, "a"), frame(FRAME.headers, whole, 1, block({ "x-sum": "2" })));
    expect(observation.texts).toEqual(["http2 POST /b 200"]);
  });

  it("joins a header block from padded, prioritised and continued frames", () => {
    const first = Buffer.concat([Buffer.from([3]), Buffer.alloc(5), GET.subarray(0, 10), Buffer.alloc(3)]);
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, endStream | padded | priority, 1, first))
      .toTarget(frame(FRAME.continuation, 0, 1, GET.subarray(10, 11)), frame(FRAME.continuation, 0, 1))
      .toTarget(frame(FRAME.continuation, endHeaders, 1, GET.subarray(11)))
      .toClient(frame(FRAME.headers, whole, 1, status(200)));
    expect(observation.texts).toEqual(["http2 GET /a 200"]);
  });

  it("decodes the block of a pushed request, whose stream it does not follow", () => {
    // Literal with indexing of :path /p in the promise; the next block refers to it by index.
    const promise = Buffer.concat([Buffer.alloc(4), Buffer.from([0x44, 2]), Buffer.from("/p")]);
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, whole, 1, GET))
      .toClient(frame(FRAME.promise, endHeaders, 1, promise), frame(FRAME.headers, whole, 2, status(200)))
      .toClient(frame(FRAME.headers, whole, 1, Buffer.concat([status(200), Buffer.from([0xbe])])));
    expect(observation.texts).toEqual(["http2 GET /a 200"]);
  });

  it("reports requests that are reset or never answered as failed", () => {
    const observation = new Observation()
      .toTarget(START, frame(FRAME.headers, whole, 1, GET), frame(FRAME.headers, whole, 3, GET))
      .toTarget(frame(FRAME.headers, endHeaders, 5, POST), frame(FRAME.headers, whole, 7, GET))
      .toTarget(frame(FRAME.reset, 0, 1, Buffer.from([0, 0, 0, 8])))
      .toClient(frame(FRAME.reset, 0, 3, Buffer.from([0, 0, 0, 7])))
      // An early response, and a reset of the rest of the request.
      .toClient(frame(FRAME.headers, whole, 5, status(413)), frame(FRAME.reset, 0, 5, Buffer.alloc(4)))
      .end();
    expect(observation.texts).toEqual([
      "http2 GET /a 0 stream.cancelled",
      "http2 GET /a 0 stream.cancelled",
      "http2 POST /b 413",
      "http2 GET /a 0 stream.cancelled",
    ]);
  });

  it("reports no more than 1000 requests of a connection that are open at once", () => {
    const observation = new Observation().toTarget(START);
    for (let at = 0; at < 1500; at++) observation.toTarget(frame(FRAME.headers, whole, 2 * at + 1, GET));
    observation.end();
    expect(observation.reports).toHaveLength(1000);
  });

  it.each([
    ["a continuation without its headers", frame(FRAME.continuation, endHeaders, 1, GET)],
    [
      "a frame inside a header block",
      Buffer.concat([frame(FRAME.headers, 0, 1, GET), frame(FRAME.ping, 0, 0, "12345678")]),
    ],
    [
      "another stream's continuation",
      Buffer.concat([frame(FRAME.headers, 0, 1, GET), frame(FRAME.continuation, 0, 3)]),
    ],
    ["headers without a stream", frame(FRAME.headers, whole, 0, GET)],
    ["data without a stream", frame(FRAME.data, 0, 0, "a")],
    ["more padding than payload", frame(FRAME.headers, whole | padded, 1, Buffer.from([200, 1]))],
    ["a reset of another length", frame(FRAME.reset, 0, 1, "abc")],
    ["a header block that is not valid", frame(FRAME.headers, whole, 1, Buffer.from([0xbe]))],
    ["a large frame of headers", frame(FRAME.headers, whole, 1, Buffer.alloc(65_537))],
    [
      "a flood of continuations",
      Buffer.concat([
        frame(FRAME.headers, 0, 1, GET),
        ...Array.from({ length: 9 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(8192))),
      ]),
    ],
  ])("is off after %s", (_what, bytes) => {
    expect(new Observation().toTarget(START, bytes).isOn).toBe(false);
  });

  it("reports the same under any cut of the bytes", async () => {
    const blocks = await encodeByNghttp2([
      { ":path": "/a?secret=1", cookie: "secret=2", "x-long": "b".repeat(300) },
      { ":method": "POST", ":path": "/pkg.Api/Get", "content-type": "application/grpc" },
      { ":path": "/a?secret=1", cookie: "secret=2" },
    ]);
    const toTarget = Buffer.concat([
      START,
      ...blocks.map((each, at) => frame(FRAME.headers, whole, 2 * at + 1, each)),
      frame(FRAME.ping, 0, 0, "12345678"),
    ]);
    const toClient = Buffer.concat([
      frame(FRAME.headers, endHeaders, 1, status(200)),
      frame(FRAME.data, endStream, 1, "x".repeat(500)),
      frame(FRAME.headers, whole, 3, Buffer.concat([status(200), block({ "grpc-status": "0" })])),
      frame(FRAME.headers, whole, 5, status(500)),
    ]);
    const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 });
    fc.assert(
      fc.property(places, places, (first, second) => {
        const observation = new Observation()
          .toTarget(...cut(toTarget, first))
          .toClient(...cut(toClient, second));
        expect(observation.texts).toEqual([
          "http2 GET /a 200",
          "grpc POST /pkg.Api/Get 200 grpc-status 0",
          "http2 GET /a 500",
        ]);
      }),
    );
  });

  it("throws ObservationErrors alone for mutated frames, and frees what it held", () => {
    const bytes = Buffer.concat([
      frame(FRAME.headers, 0, 1, GET),
      frame(FRAME.continuation, endHeaders, 1, CALL),
      frame(FRAME.data, endStream, 1, "body"),
      frame(FRAME.headers, whole, 3, POST),
      frame(FRAME.reset, 0, 3, Buffer.alloc(4)),
    ]);
    const mutation = fc.record({ at: fc.nat(bytes.length - 1), byte: fc.nat(255), isRequest: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (mutations, places) => {
          const sides = [Buffer.from(bytes), Buffer.from(bytes)];
          for (const { at, byte, isRequest } of mutations) sides[isRequest ? 0 : 1]?.writeUInt8(byte, at);
          const [toTarget = bytes, toClient = bytes] = sides;
          const budget = new PartialBytesBudget();
          const before = budget.left;
          const observer = new Http2Observer(() => {}, budget);
          try {
            observer.toTarget(PREFACE);
            for (const chunk of cut(toTarget, places)) observer.toTarget(chunk);
            for (const chunk of cut(toClient, places)) observer.toClient(chunk);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ObservationError);
          }
          observer.ended("stream.cancelled");
          expect(budget.left).toBe(before);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("an observed connection of Node's HTTP/2", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  it("is reported request by request, with bodies and trailers", async () => {
    const server = createServer();
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      stream.respond(
        { ":status": headers[":path"] === "/none?x" ? 404 : 200, "x-padding": "p".repeat(50) },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "3" }));
      stream.resume().on("end", () => stream.end("answer".repeat(5000)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = (server.address() as AddressInfo).port;
    const observation = new Observation();
    const sockets: Socket[] = [];
    const between = createTcpServer((client) => {
      const upstream = connect(target, "127.0.0.1");
      sockets.push(client, upstream);
      client.on("data", (chunk) => {
        observation.toTarget(chunk);
        upstream.write(chunk);
      });
      upstream.on("data", (chunk) => {
        observation.toClient(chunk);
        client.write(chunk);
      });
      for (const socket of [client, upstream]) socket.on("error", () => {});
    });
    between.listen(0, "127.0.0.1");
    await once(between, "listening");
    const session = connectHttp2(`http://127.0.0.1:${(between.address() as AddressInfo).port}`);
    closing.push(() => {
      session.destroy();
      server.close();
      between.close();
      for (const socket of sockets) socket.destroy();
    });
    const ask = async (path: string, type: string, body: string) => {
      const request = session.request({ ":method": "POST", ":path": path, "content-type": type });
      request.end(body);
      request.resume();
      await once(request, "end");
    };
    for (let round = 0; round < 5; round++) {
      await Promise.all([
        ask("/pkg.Api/Get", "application/grpc", "question".repeat(4000)),
        ask("/none?x", "text/plain", ""),
      ]);
    }
    expect(observation.isOn).toBe(true);
    expect(observation.texts.sort()).toEqual([
      ...Array.from({ length: 5 }, () => "grpc POST /pkg.Api/Get 200 grpc-status 3"),
      ...Array.from({ length: 5 }, () => "http2 POST /none 404 grpc-status 3"),
    ]);
  });
});
