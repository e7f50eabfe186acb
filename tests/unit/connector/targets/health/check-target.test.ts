import { createServer, type RequestListener } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { type handleUnaryCall, Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseHealth } from "../../../../../connector/config/health-options.ts";
import { dialTarget } from "../../../../../connector/targets/dial-target.ts";
import { encodeRequest } from "../../../../../connector/targets/health/check-grpc.ts";
import { checkTarget, type TargetCheck } from "../../../../../connector/targets/health/check-target.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { freePort } from "../../../../support/free-port.ts";
import { silentPort, tcpServer } from "../../../../support/traffic/sockets.ts";

/** Checks the target at a port of 127.0.0.1, as `--health` describes the check. */
async function check(port: number, health: string, more: Partial<TargetCheck> = {}) {
  const { check: what } = parseHealth(`api=${health}`);
  if (what.kind === "off") throw new Error("nothing to check");
  return await checkTarget({
    check: what,
    target: `127.0.0.1:${port}`,
    http2: false,
    connect: (signal) => dialTarget({ host: "127.0.0.1", port }, { signal }),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...more,
  });
}

const failure = (code: string, message: string, noConnection = false) => ({
  noConnection,
  error: expect.objectContaining({ code, message: expect.stringContaining(message) }),
});

async function httpServer(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function http2Server(
  onStream: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void,
): Promise<number> {
  const server: Http2Server = createHttp2Server();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("stream", onStream);
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe("A TCP check", () => {
  it("succeeds where a server accepts, and leaves no connection behind", async () => {
    const closed = Promise.withResolvers<void>();
    const { port } = await tcpServer((socket) => socket.on("close", () => closed.resolve()));
    expect(await check(port, "tcp")).toBeNull();
    await closed.promise;
  });

  it("finds that nothing listens", async () => {
    expect(await check(await freePort(), "tcp")).toEqual(failure("service.refused", "ECONNREFUSED", true));
  });

  it("waits for a silent target no longer than its time limit", async () => {
    expect(await check(await silentPort(), "tcp", { timeoutMs: 200 })).toEqual(
      failure("service.timeout", "did not answer within 0.2 s.", true),
    );
  });

  it("says nothing when it is ended, or when this machine is short of something", async () => {
    const ended = new AbortController();
    const waiting = check(await silentPort(), "tcp", { signal: ended.signal });
    ended.abort();
    expect(await waiting).toBe("unjudged");
    const connect = () => Promise.reject(new FairleadError("service.overloaded"));
    expect(await check(1, "tcp", { connect })).toBe("unjudged");
  });
});

describe("An HTTP check", () => {
  it("requests the path with the host, and takes the statuses of the range", async () => {
    const requests: (string | undefined)[] = [];
    let status = 204;
    const port = await httpServer((request, response) => {
      requests.push(request.method, request.url, request.headers.host, request.headers["user-agent"]);
      response.writeHead(status).end();
    });
    expect(await check(port, "http:/up?full=1,host=api.internal")).toBeNull();
    expect(requests).toEqual(["GET", "/up?full=1", "api.internal", "fairlead-health"]);
    expect(await check(port, "http:/,status=200")).toEqual(
      failure("service.check_failed", `The target 127.0.0.1:${port} answered GET / with status 204.`),
    );
    expect(requests).toContain(`127.0.0.1:${port}`);
    status = 503;
    expect(await check(port, "http:/")).toEqual(failure("service.check_failed", "status 503."));
  });

  it("does not wait for the end of a long answer", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await httpServer((_, response) => {
      response.writeHead(200).write("x".repeat(1000));
      response.on("close", () => closed.resolve());
    });
    expect(await check(port, "http:/")).toBeNull();
    await closed.promise;
  });

  it("names a target that does not speak HTTP, closes the connection or does not answer", async () => {
    const garbage = await tcpServer((socket) => socket.end("SSH-2.0-x\r\n"));
    expect(await check(garbage.port, "http:/")).toEqual(
      failure(
        "service.check_failed",
        `The target 127.0.0.1:${garbage.port} did not answer the check: Parse Error`,
      ),
    );
    const closing = await tcpServer((socket) => socket.end());
    expect(await check(closing.port, "http:/")).toEqual(failure("service.check_failed", "socket hang up."));
    const silent = await tcpServer(() => {});
    expect(await check(silent.port, "http:/", { timeoutMs: 200 })).toEqual(
      failure("service.check_failed", "did not answer the check within 0.2 s."),
    );
  });

  it("speaks HTTP/2 to a target of http2", async () => {
    const seen: unknown[] = [];
    const port = await http2Server((stream, headers) => {
      seen.push(headers[":path"], headers[":authority"]);
      stream.respond({ ":status": headers[":path"] === "/up" ? 200 : 500 });
      stream.end();
    });
    expect(await check(port, "http:/up,host=api", { http2: true })).toBeNull();
    expect(seen).toEqual(["/up", "api"]);
    expect(await check(port, "http:/down", { http2: true })).toEqual(
      failure("service.check_failed", "GET /down with status 500."),
    );
    const closing = await tcpServer((socket) => socket.end());
    expect(await check(closing.port, "http:/", { http2: true })).toEqual(
      failure("service.check_failed", "did not answer the check: the connection was closed."),
    );
  });
});

describe("A gRPC check", () => {
  /** Answers every check with a message and trailers. */
  const grpcServer = (status: number, trailers: Record<string, string> = { "grpc-status": "0" }) =>
    http2Server((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]));
    });

  it("succeeds if the server reports SERVING, and says what else it reports", async () => {
    expect(await check(await grpcServer(1), "grpc")).toBeNull();
    expect(await check(await grpcServer(2), "grpc")).toEqual(
      failure("service.check_failed", "reports NOT_SERVING."),
    );
    expect(await check(await grpcServer(2), "grpc:shop.Cart")).toEqual(
      failure("service.check_failed", "reports NOT_SERVING for shop.Cart."),
    );
    expect(await check(await grpcServer(9), "grpc")).toEqual(failure("service.check_failed", "UNKNOWN"));
  });

  it("names the gRPC status of an answer without a message", async () => {
    const port = await http2Server((stream) =>
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "12" },
        { endStream: true },
      ),
    );
    expect(await check(port, "grpc")).toEqual(
      failure("service.check_failed", "does not offer the gRPC health service."),
    );
    expect(await check(await grpcServer(1, { "grpc-status": "14" }), "grpc")).toEqual(
      failure("service.check_failed", "with gRPC status 14."),
    );
    const web = await http2Server((stream) => stream.respond({ ":status": 404 }, { endStream: true }));
    expect(await check(web, "grpc")).toEqual(failure("service.check_failed", "HTTP status 404."));
  });

  it("survives a server that resets the call or the connection, and one that is silent", async () => {
    const resetting = await http2Server((stream) => stream.close(8));
    expect(await check(resetting, "grpc")).toEqual(failure("service.check_failed", "did not answer"));
    const { port } = await tcpServer((socket) => socket.resetAndDestroy());
    expect(await check(port, "grpc")).toMatchObject({ error: { name: "FairleadError" } });
    const silent = await tcpServer(() => {});
    expect(await check(silent.port, "grpc", { timeoutMs: 200 })).toEqual(
      failure("service.check_failed", "did not answer the check within 0.2 s."),
    );
  });

  it("passes a server of @grpc/grpc-js while it serves, by the names of its services", async () => {
    const statuses = new Map([
      ["", 1],
      ["shop.Cart", 1],
    ]);
    const server = new Server();
    const health: ServiceDefinition = {
      Check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: ({ service }: { service: string }) => encodeRequest(service).subarray(5),
        // grpc-js takes a message that is "" for none.
        requestDeserialize: (bytes: Buffer) => ({ service: bytes.toString("utf8", 2) }),
        responseSerialize: (status: number) => Buffer.from([0x08, status]),
        responseDeserialize: (bytes: Buffer) => bytes[1],
      },
    };
    const answer: handleUnaryCall<{ service: string }, number> = ({ request }, callback) => {
      const status = statuses.get(request.service);
      if (status === undefined) callback({ code: 5, details: "unknown service" });
      else callback(null, status);
    };
    server.addService(health, { Check: answer });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    onTestFinished(() => server.forceShutdown());
    expect(await check(port, "grpc")).toBeNull();
    expect(await check(port, "grpc:shop.Cart")).toBeNull();
    statuses.set("shop.Cart", 2);
    expect(await check(port, "grpc:shop.Cart")).toEqual(
      failure("service.check_failed", "reports NOT_SERVING for shop.Cart."),
    );
    expect(await check(port, "grpc:shop.Till")).toEqual(
      failure("service.check_failed", "for shop.Till with gRPC status 5."),
    );
    const other = new Server();
    const without = await new Promise<number>((resolve) => {
      other.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_, bound) => resolve(bound));
    });
    onTestFinished(() => other.forceShutdown());
    expect(await check(without, "grpc")).toEqual(
      failure("service.check_failed", "does not offer the gRPC health service."),
    );
    expect(await check(without, "grpc", { check: { kind: "grpc", optional: true } })).toBeNull();
  });

  it("encodes the name of the service as protobuf does", () => {
    expect([...encodeRequest("")]).toEqual([0, 0, 0, 0, 0]);
    expect([...encodeRequest("ab")]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 97, 98]);
    expect([...encodeRequest("x".repeat(200)).subarray(0, 8)]).toEqual([0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
  });
});
