import { once } from "node:events";
import http from "node:http";
import { request as undiciRequest } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { RetryPolicy } from "../../../../../connector/config/retry-policy.ts";
import { Retries } from "../../../../../connector/http/retry/retries.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { fieldOf } from "../../../../../protocol/exchange/fields.ts";
import { eventually } from "../../../../support/clock/eventually.ts";
import { holdTime } from "../../../../support/clock/held-time.ts";
import type { PeerRequest } from "../../../../support/connector/exchange-peer.ts";
import { HttpListener } from "../../../../support/connector/http-listener.ts";

const listeners: HttpListener[] = [];

async function listen(...args: Parameters<typeof HttpListener.start>): Promise<HttpListener> {
  const listener = await HttpListener.start(...args);
  listeners.push(listener);
  return listener;
}

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

const get = (path = "/", lines = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const last = (path = "/", lines = ""): string => get(path, `Connection: close\r\n${lines}`);

/** A request over node:http, with its informational responses. */
async function fetchRaw(listener: HttpListener, options: http.RequestOptions, content?: string) {
  const informational: http.InformationEvent[] = [];
  const sent = http.request({ host: "127.0.0.1", port: listener.port, agent: false, ...options });
  sent.on("information", (event) => informational.push(event));
  sent.on("error", () => {});
  sent.end(content);
  const [response]: http.IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  response.on("error", () => {});
  response.setEncoding("latin1");
  let text = "";
  for await (const piece of response) text += piece;
  return { response, text, informational, trailers: response.rawTrailers };
}

describe("a connection of HTTP/1.1", () => {
  it("gives the request to the peer with what is known of the client, and without what the client claims of others", async () => {
    const listener = await listen();
    const claims =
      "X-Forwarded-For: 9.9.9.9\r\nFORWARDED: for=9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\nFairlead-Site: boss\r\nVia: 1.0 nginx\r\n" +
      "X_Forwarded_For: 9.9.9.9\r\nX_Real-IP: 9.9.9.9\r\nFairlead_Site: boss\r\n";
    await listener.send(last("/a?b", claims));
    expect(listener.peer.requests[0]?.head).toEqual({
      ...{ method: "GET", scheme: "http", authority: "a", path: "/a?b" },
      fields: [
        ...["forwarded", 'for=127.0.0.1;host="a";proto=http', "x-forwarded-for", "127.0.0.1"],
        ...["x-forwarded-proto", "http", "x-forwarded-host", "a", "via", "1.0 nginx, 1.1 fairlead"],
      ],
    });
  });

  it("writes the scheme and the host although the client names those fields in a value", async () => {
    const listener = await listen();
    await listener.send(last("/", "A: x-forwarded-proto\r\nB: x-forwarded-host\r\n"));
    expect(listener.peer.requests[0]?.head.fields).toEqual([
      ...["a", "x-forwarded-proto", "b", "x-forwarded-host"],
      ...["forwarded", 'for=127.0.0.1;host="a";proto=http', "x-forwarded-for", "127.0.0.1"],
      ...["x-forwarded-proto", "http", "x-forwarded-host", "a", "via", "1.1 fairlead"],
    ]);
  });

  it("announces no length of a response that has no content by its status", async () => {
    const listener = await listen((request) => {
      request.response.informational({ status: 103, fields: ["content-length", "9"] });
      request.respond(204, ["content-length", "5"]);
    });
    expect(await listener.send(last())).not.toContain("content-length");
  });

  it("names the address that the client reached where HTTP/1.0 names no host", async () => {
    const listener = await listen();
    await listener.send("GET / HTTP/1.0\r\n\r\n");
    expect(listener.peer.requests[0]?.head).toMatchObject({ authority: `127.0.0.1:${listener.port}` });
  });

  it("believes a client whose listener trusts it, but no claim to be of Fairlead", async () => {
    const listener = await listen(undefined, {
      isTrusted: (service, address) => service === "shop" && address === "127.0.0.1",
    });
    await listener.send(
      last("/", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nFairlead-Site: boss\r\n"),
    );
    const fields = listener.peer.requests[0]?.head.fields ?? [];
    expect(fields.join(" ")).toContain("x-forwarded-for 9.9.9.9, 127.0.0.1");
    expect(fields.join(" ")).toContain("x-forwarded-proto https");
    expect(fields).not.toContain("fairlead-site");
  });

  it("reads the lists of a trusted proxy from the right, up to the first client that is none", async () => {
    const listener = await listen(undefined, {
      isTrusted: (_, address) => address === "127.0.0.1" || address.startsWith("10."),
    });
    const claims =
      "X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\nX-Forwarded-For: 10.0.0.2\r\n" +
      "Forwarded: for=6.6.6.6\r\nForwarded: for=198.51.100.7;proto=https, for=10.0.0.2\r\n";
    await listener.send(last("/", claims));
    const fields = listener.peer.requests[0]?.head.fields ?? [];
    expect(fieldOf(fields, "x-forwarded-for")).toBe("198.51.100.7, 10.0.0.2, 127.0.0.1");
    expect(fieldOf(fields, "forwarded")).toBe(
      'for=198.51.100.7;proto=https, for=10.0.0.2, for=127.0.0.1;host="a";proto=http',
    );
  });

  it("says when it made a response of its own", async () => {
    const listener = await listen();
    listener.peer.refusal = new FairleadError("service.unhealthy");
    const [, date = ""] = /\r\ndate: ([^\r]*)\r\n/.exec(await listener.send(last())) ?? [];
    expect(date).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(60_000);
    expect(await listener.send("GET / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\ndate: /);
  });

  it("reports how often a request was sent", async () => {
    const retries = new Retries(new RetryPolicy());
    const listener = await listen(
      (request) => {
        if (listener.peer.requests.length < 2) request.reset(new FairleadError("exchange.failed"));
        else request.respond(204);
      },
      { repeats: retries },
    );
    await listener.send(last("/twice"));
    await listener.send(last("/once"));
    expect(listener.reports.map(({ path, attempts }) => [path, attempts])).toEqual([
      ["/twice", 2],
      ["/once", 1],
    ]);
  });

  it("answers a gRPC call whose deadline has passed with DEADLINE_EXCEEDED, and sends it no second time", async () => {
    const call = last("/", "Content-Type: application/grpc\r\nGrpc-Timeout: 1m\r\n");
    const listener = await listen(
      (request) => void setTimeout(() => request.reset(new FairleadError("exchange.failed")), 10),
      { repeats: new Retries(new RetryPolicy()) },
    );
    expect(await listener.send(call)).toContain("\r\ngrpc-status: 4\r\n");
    expect(listener.peer.requests).toHaveLength(1);
    expect(listener.reports).toMatchObject([{ grpcStatus: 4, outcome: "exchange.timeout", attempts: 1 }]);
  });

  it("answers a gRPC call at its deadline while no instance takes it", async () => {
    const listener = await listen();
    listener.peer.open = () => new Promise(() => {});
    const call = last("/", "Content-Type: application/grpc\r\nGrpc-Timeout: 30m\r\n");
    expect(await listener.send(call)).toContain("\r\ngrpc-status: 4\r\n");
  });

  it("answers requests in their order on one connection, pipelined ones too", async () => {
    const listener = await listen((request) => {
      const delay = request.head.path === "/0" ? 20 : 0;
      setTimeout(() => request.respond(200, ["content-length", "2"], request.head.path), delay);
    });
    const answer = await listener.send(`${get("/0")}${get("/1")}\r\n${get("/2")}${last("/3")}${get("/4")}`);
    expect(answer.match(/\r\n\r\n\/\d/g)).toEqual(["\r\n\r\n/0", "\r\n\r\n/1", "\r\n\r\n/2", "\r\n\r\n/3"]);
    expect(listener.peer.requests).toHaveLength(4);
    expect(listener.reports.map(({ path, status, outcome }) => `${path} ${status} ${outcome}`)).toEqual([
      ...["/0 200 completed", "/1 200 completed", "/2 200 completed", "/3 200 completed"],
    ]);
  });

  it("loses none of the requests that a client sends without waiting, however they arrive", async () => {
    const listener = await listen((request) => request.respond(200, ["content-length", "1"], "x"));
    const socket = listener.connect({ allowHalfOpen: true });
    socket.setNoDelay(true);
    let received = "";
    socket.on("data", (piece) => (received += String(piece)));
    const text = `${get().repeat(300)}${last()}`;
    for (let at = 0; at < text.length; at += 50) {
      socket.write(text.slice(at, at + 50));
      if (at % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await once(socket, "end");
    expect(received.match(/200 OK/g)).toHaveLength(301);
    expect(listener.peer.requests).toHaveLength(301);
  });

  it("closes after a final response to a client that waits for a 100: it may leave its content out", async () => {
    const listener = await listen((request) => request.respond(417, ["content-length", "0"]));
    const waiting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    const answer = await listener.send(waiting);
    expect(answer).toMatch(/^HTTP\/1.1 417 [\s\S]*connection: close/);
    expect(listener.peer.requests).toHaveLength(1);
  });

  it("serves requests one after the other over a kept connection, with content in both directions", async () => {
    const listener = await listen();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const content of ["a", "b".repeat(100_000), ""]) {
      const { response, text } = await fetchRaw(listener, { agent, method: "POST" }, content);
      expect(response.statusCode).toBe(200);
      expect(JSON.parse(text).content).toBe(content);
    }
    expect(listener.server.connections).toBe(1);
    agent.destroy();
  });

  it("frames a response by its length, by chunks, or by the end for HTTP/1.0", async () => {
    const listener = await listen((request) => {
      const isKnown = request.head.path === "/known";
      request.respond(200, isKnown ? ["content-length", "5"] : [], "hello");
    });
    expect(await listener.send(last("/known"))).toMatch(
      /^HTTP\/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello$/,
    );
    expect(await listener.send(last("/"))).toMatch(
      /transfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    );
    expect(await listener.send("GET / HTTP/1.0\r\n\r\n")).toBe(
      "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",
    );
    const kept = "GET /known HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    expect(await listener.send(`${kept}GET / HTTP/1.0\r\n\r\n`)).toMatch(
      /connection: keep-alive\r\n\r\nhelloHTTP\/1.1 200/,
    );
  });

  it("ends responses without content with their head, and keeps the length that one to HEAD names", async () => {
    const listener = await listen((request) => {
      const status = Number(request.head.path.slice(1));
      request.respond(status, request.head.method === "HEAD" ? ["content-length", "1000"] : []);
    });
    const heads = await listener.send(
      `HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n${get("/204")}${get("/304")}${last("/200")}`,
    );
    expect(heads.split("HTTP/1.1 ").slice(1)).toEqual([
      "200 OK\r\ncontent-length: 1000\r\n\r\n",
      "204 No Content\r\n\r\n",
      "304 Not Modified\r\n\r\n",
      "200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ]);
  });

  it("passes trailers on in both directions", async () => {
    const listener = await listen(async (request) => {
      await request.content();
      request.response.head({ status: 200, fields: [] });
      request.response.content(Buffer.from("x"));
      request.response.end(["x-sum", request.trailers.join("=")]);
      request.far.end();
    });
    const answer = await listener.send(
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-In: 1\r\n\r\n`,
    );
    expect(answer).toMatch(/1\r\nx\r\n0\r\nx-sum: x-in=1\r\n\r\n$/);
  });

  it("relays informational responses, and lets the target decide about 100-continue", async () => {
    const listener = await listen(async (request) => {
      if (request.head.path === "/hints") {
        request.response.informational({ status: 103, fields: ["link", "</a>"] });
        request.respond(200);
        return;
      }
      expect(request.head.fields.join(" ")).toContain("expect 100-continue");
      if (request.head.path === "/no") return request.respond(413);
      request.response.informational({ status: 100, fields: [] });
      const content = await request.content();
      request.respond(200, [], content);
    });
    const hints = await fetchRaw(listener, { path: "/hints" });
    expect(hints.informational).toMatchObject([{ statusCode: 103, headers: { link: "</a>" } }]);
    const expecting = { method: "POST", headers: { expect: "100-continue", "content-length": "5" } };
    const sent = http.request({
      host: "127.0.0.1",
      port: listener.port,
      agent: false,
      path: "/yes",
      ...expecting,
    });
    sent.flushHeaders();
    await once(sent, "continue");
    sent.end("hello");
    const [response]: http.IncomingMessage[] = await once(sent, "response");
    expect(response?.statusCode).toBe(200);
    response?.resume();
    const refused = http.request({
      host: "127.0.0.1",
      port: listener.port,
      agent: false,
      path: "/no",
      ...expecting,
    });
    refused.on("error", () => {});
    refused.flushHeaders();
    const [refusal]: http.IncomingMessage[] = await once(refused, "response");
    expect(refusal?.statusCode).toBe(413);
    refused.destroy();
  });

  it("passes each piece of a response on when it comes", async () => {
    const listener = await listen((request) => {
      request.response.head({ status: 200, fields: ["content-type", "text/event-stream"] });
    });
    const { body } = await undiciRequest(listener.origin);
    await listener.arrived(1);
    const [request] = listener.peer.requests;
    const pieces = body[Symbol.asyncIterator]();
    for (const event of ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]) {
      request?.response.content(Buffer.from(event));
      const { value } = await pieces.next();
      expect(String(value)).toBe(event);
    }
    request?.response.end();
    request?.far.end();
    expect((await pieces.next()).done).toBe(true);
  });

  it("delivers an early response while the client still sends, and keeps no more than the limit of it", async () => {
    const limits = { lingerMs: 200 };
    const listener = await listen((request) => request.respond(413, [], "too large"), { limits });
    const socket = listener.connect();
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    let received = "";
    socket.on("data", (piece) => (received += String(piece)));
    const closed = once(socket, "close");
    const piece = Buffer.alloc(64 * 1024);
    const send = (): void => {
      while (socket.writable && socket.write(piece));
      socket.once("drain", send);
    };
    send();
    await closed;
    expect(received).toMatch(/^HTTP\/1.1 413 /);
    expect(received).toContain("too large");
    expect(listener.peer.requests).toHaveLength(1);
    await expect(listener.peer.requests[0]?.content()).rejects.toThrow();
  });

  it("goes on with the next request where the rest of the one before is small", async () => {
    const listener = await listen((request) => request.respond(200, ["content-length", "1"], "x"));
    const socket = listener.connect();
    let received = "";
    socket.on("data", (piece) => (received += String(piece)));
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    await eventually("a response", () => received.endsWith("x"));
    socket.write(`hello${last()}`);
    await once(socket, "end");
    expect(received.match(/200 OK/g)).toHaveLength(2);
  });

  it("breaks a response off such that the client notices", async () => {
    const listener = await listen((request) => {
      const fields = request.head.path === "/length" ? ["content-length", "10"] : [];
      request.response.head({ status: 200, fields });
      request.response.content(Buffer.from("hello"));
      setTimeout(() => request.reset(new FairleadError("exchange.failed")), 20);
    });
    for (const path of ["/length", "/chunked"]) {
      await expect(fetchRaw(listener, { path })).rejects.toThrow();
    }
    expect(listener.reports.map(({ status, outcome }) => `${status} ${outcome}`)).toEqual([
      ...["200 exchange.failed", "200 exchange.failed"],
    ]);
  });

  it("tells the peer that the client has left", async () => {
    const listener = await listen(() => {});
    const socket = listener.connect();
    socket.write(get());
    await listener.arrived(1);
    socket.destroy();
    await listener.peer.requests[0]?.closed;
    expect(listener.reports).toMatchObject([{ outcome: "stream.cancelled", status: 0 }]);
    expect(listener.server.exchanges).toBe(0);
  });

  it.each([
    ["service.unavailable", 503, "destination_unavailable"],
    ["service.refused", 502, "connection_refused"],
    ["service.timeout", 504, "connection_timeout"],
    ["session.timeout", 503, "destination_unavailable"],
  ] as const)(
    "answers with Proxy-Status when no instance takes the request: %s",
    async (code, status, error) => {
      const listener = await listen();
      listener.peer.refusal = new FairleadError(code);
      const answer = await listener.send(last());
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain(`proxy-status: fairlead; error=${error}; details="${code}"`);
      expect(listener.reports).toMatchObject([{ status, outcome: code }]);
    },
  );

  it("answers 502 and 504 where the peer failed before its response, and 508 to a request in a circle", async () => {
    const listener = await listen((request) => {
      request.reset(
        new FairleadError(request.head.path === "/late" ? "exchange.timeout" : "exchange.failed"),
      );
    });
    expect(await listener.send(last("/late"))).toMatch(/^HTTP\/1.1 504 /);
    expect(await listener.send(last("/lost"))).toMatch(/^HTTP\/1.1 502 /);
    const via = `Via: ${Array.from({ length: 9 }, () => "1.1 fairlead").join(", ")}\r\n`;
    expect(await listener.send(last("/", via))).toMatch(/^HTTP\/1.1 508 [\s\S]*error=proxy_loop_detected/);
    expect(listener.peer.requests).toHaveLength(2);
  });

  it("joins a WebSocket with its target, whose extensions and subprotocol the client gets", async () => {
    const target = new WebSocketServer({ noServer: true, handleProtocols: () => "chat" });
    const listener = await listen((request) => {
      const { head, far } = request;
      expect(head.protocol).toBe("websocket");
      expect(head.fields).not.toContain("sec-websocket-key");
      expect(head.fields.join(" ")).toContain("sec-websocket-protocol chat");
      request.response.head({ status: 101, fields: ["sec-websocket-protocol", "chat"] });
      // An echo of frames, unmasked: what the client sends is the target's to answer.
      request.onContent = (bytes) => {
        const masked = bytes.subarray(6);
        const key = bytes.subarray(2, 6);
        const text = Buffer.from(masked.map((byte, index) => byte ^ (key[index % 4] ?? 0)));
        const isClose = (bytes[0] ?? 0) === 0x88;
        request.response.content(Buffer.concat([Buffer.from([bytes[0] ?? 0, text.length]), text]));
        if (isClose) {
          request.response.end();
          far.end();
        }
      };
    });
    const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/live`, ["chat"], {
      perMessageDeflate: false,
    });
    await once(socket, "open");
    expect(socket.protocol).toBe("chat");
    socket.send("hello");
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("hello");
    socket.close();
    await once(socket, "close");
    target.close();
    await eventually("a report", () => listener.reports.length > 0);
    expect(listener.reports).toMatchObject([{ status: 101, outcome: "completed" }]);
  });

  it("gives the client the response of a target that does not switch", async () => {
    const listener = await listen((request) => request.respond(403, ["content-length", "2"], "no"));
    const socket = new WebSocket(listener.origin.replace("http", "ws"));
    const [error] = await once(socket, "error");
    expect(String(error)).toContain("403");
  });

  it("tunnels a CONNECT, half-closed in either direction", async () => {
    const listener = await listen(async (request) => {
      expect(request.head).toMatchObject({ method: "CONNECT", authority: "db:5432", path: "" });
      request.response.head({ status: 200, fields: [] });
      const content = await request.content();
      request.response.content(Buffer.from(`${content}!`));
      request.response.end();
      request.far.end();
    });
    const socket = listener.connect({ allowHalfOpen: true });
    let received = "";
    socket.on("data", (piece) => (received += String(piece)));
    socket.end("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\nhello");
    await once(socket, "end");
    expect(received).toBe("HTTP/1.1 200 OK\r\n\r\nhello!");
  });

  it("refuses a request with a response and closes, and never takes bytes behind it for a request", async () => {
    const listener = await listen();
    const smuggled =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
    const answer = await listener.send(get("/ok") + smuggled);
    expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect(answer).toContain("proxy-status: fairlead; error=http_request_error");
    expect(listener.peer.requests.map(({ head }) => head.path)).toEqual(["/ok"]);
  });

  it("cancels a request whose content is malformed", async () => {
    const listener = await listen(() => {});
    const socket = listener.connect();
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    await listener.arrived(1);
    socket.write("1\r\nabc\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 /);
    await expect(listener.peer.requests[0]?.content()).rejects.toThrow();
  });

  it.each([
    [
      "a message that is no response",
      (request: PeerRequest) => request.far.write(Buffer.from("02034745", "hex")),
    ],
    [
      "a status that does not exist",
      (request: PeerRequest) => request.far.write(Buffer.from("03425800", "hex")),
    ],
    ["an end within the head", (request: PeerRequest) => request.far.end(Buffer.from("0340c80161", "hex"))],
    ["an end without a byte", (request: PeerRequest) => request.far.end()],
    [
      "a head that is too large",
      (request: PeerRequest) => request.far.write(Buffer.from("0340c80161bfffffff", "hex")),
    ],
  ])("answers 502 when the peer sends %s", async (_, misbehave) => {
    const listener = await listen((request) => void misbehave(request));
    expect(await listener.send(last())).toMatch(/^HTTP\/1.1 502 /);
    await listener.peer.requests[0]?.closed;
  });

  it("breaks off a response whose peer does not keep the length that it announced", async () => {
    const listener = await listen((request) => {
      request.response.head({ status: 200, fields: ["content-length", "3"] });
      request.response.content(Buffer.from(request.head.path === "/long" ? "abcdef" : "a"));
      request.response.end();
      request.far.end();
    });
    await expect(fetchRaw(listener, { path: "/long" })).rejects.toThrow();
    await expect(fetchRaw(listener, { path: "/short" })).rejects.toThrow();
  });

  it("answers 504 when the peer is silent, or does not end the head of its response", async () => {
    const listener = await listen(
      (request) => {
        // The beginning of a response with the status 200.
        if (request.head.path === "/begun") request.far.write(Buffer.from("0340c80161", "hex"));
      },
      { limits: { idleMs: 60 } },
    );
    expect(await listener.send(last("/silent"))).toMatch(/^HTTP\/1.1 504 /);
    expect(await listener.send(last("/begun"))).toMatch(/^HTTP\/1.1 504 /);
    await Promise.all(listener.peer.requests.map((request) => request.closed));
  });

  it("gives up clients that send no head, or no content, in time", async () => {
    const pass = holdTime();
    const listener = await listen(() => {}, { limits: { headMs: 60, bodyIdleMs: 60, lingerMs: 60 } });
    let connections = 0;
    const sendAndWait = async (text: string) => {
      let received: string | null = null;
      void listener.send(text).then((all) => {
        received = all;
      });
      await listener.read(++connections, text.length);
      return await eventually("the connection ends", async () => {
        await pass(100);
        return received;
      });
    };
    expect(await sendAndWait("GET / HTTP/1.1\r\nHo")).toMatch(/^HTTP\/1.1 408 /);
    expect(await sendAndWait("P")).toBe("");
    expect(await sendAndWait("")).toBe("");
    const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab";
    expect(await sendAndWait(post)).toMatch(/^HTTP\/1.1 408 /);
    await listener.peer.requests[0]?.closed;
  });

  it("closes idle connections when it drains, and the others after their response", async () => {
    let respond = (): void => {};
    const listener = await listen((request) => {
      respond = () => request.respond(200, ["content-length", "1"], "x");
      if (request.head.path === "/idle") respond();
    });
    const [idle, busy] = [listener.connect(), listener.connect()];
    let received = "";
    busy.on("data", (piece) => (received += String(piece)));
    idle.write(get("/idle"));
    await once(idle, "data");
    busy.write(get("/busy"));
    await listener.arrived(2);
    listener.server.drain();
    await once(idle.resume(), "end");
    respond();
    await once(busy, "end");
    expect(received).toMatch(/connection: close\r\n\r\nx$/);
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
    const stalled = listener.connect();
    stalled.pause();
    stalled.write(get());
    const sender = listener.connect();
    let sent = 0;
    sender.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
    const send = (): void => {
      while (!sender.destroyed && sent < 256e6) {
        sent += 64 * 1024;
        if (!sender.write(Buffer.alloc(64 * 1024))) break;
      }
      sender.once("drain", send);
    };
    send();
    // Both stop once the sockets' buffers are full, wherever the kernel has its limits.
    let before = -1;
    await eventually("both stand still", () => {
      const now = written + sent;
      const isStill = now === before;
      before = now;
      return isStill && written > 0;
    });
    expect(written).toBeLessThan(64e6);
    expect(sent).toBeLessThan(64e6);
    stalled.destroy();
    sender.destroy();
  });
});
