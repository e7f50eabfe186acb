/** Requests to targets that speak HTTP/1.1: servers of Node, and sockets that send what no server would. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { webSocketAccept } from "../../../../../connector/http/websocket-accept.ts";
import { fieldOf } from "../../../../../protocol/exchange/fields.ts";
import { eventually } from "../../../../support/clock/eventually.ts";
import { holdTime } from "../../../../support/clock/held-time.ts";
import { freePort } from "../../../../support/free-port.ts";
import { tcpServer } from "../../../../support/traffic/sockets.ts";
import { TestTarget } from "../../../../support/traffic/test-exchange.ts";

const code = (text: string) => expect.objectContaining({ code: text });

async function httpServer(
  listener: RequestListener,
  prepare: (server: Server) => void = () => {},
): Promise<{ port: number; connections: () => number; sockets: Set<Socket> }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer(listener);
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  prepare(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections, sockets };
}

/** A server that answers each connection's first bytes with a text, and perhaps ends the connection. */
async function rawServer(text: string, ends = true): Promise<number> {
  const { port } = await tcpServer((socket) => {
    socket.once("data", () => {
      socket.write(text, "latin1");
      if (ends) socket.end();
    });
  });
  return port;
}

const textOf = async (message: IncomingMessage): Promise<string> => {
  let text = "";
  message.setEncoding("latin1");
  for await (const piece of message) text += String(piece);
  return text;
};

/** Answers with what it got. */
const mirror: RequestListener = async (request, response) => {
  const content = await textOf(request);
  response.setHeader("x-method", request.method ?? "");
  response.end(
    JSON.stringify({ url: request.url, raw: request.rawHeaders, content, trailers: request.rawTrailers }),
  );
};

const mirrored = (content: string): { url: string; raw: string[]; content: string; trailers: string[] } =>
  JSON.parse(content);

describe("an exchange with an HTTP/1.1 target", () => {
  it("sends path, authority and fields as they are, with the site that TLS proved", async () => {
    const { port } = await httpServer(mirror);
    const fields = ["accept", "a", "x-a", "1", "x-a", "2", "fairlead-site", "east", "x-real-ip", "9.9.9.9"];
    fields.push("fairlead_site", "east", "fairlead_site_id", "site_east", "x_real_ip", "9.9.9.9");
    const { status, content } = await new TestTarget({ port }).get({ path: "/a//b?c=%20d&e", fields }).answer;
    expect(status).toBe(200);
    const { url, raw } = mirrored(content);
    expect(url).toBe("/a//b?c=%20d&e");
    expect(raw).toEqual([
      ...["host", "api.example", "accept", "a", "x-a", "1", "x-a", "2"],
      ...["fairlead-site", "west", "fairlead-site-id", "site_west"],
    ]);
  });

  it.each(["application/grpc-web", "application/grpc-web-text+proto"])(
    "takes %s for a request as any other, and not for gRPC",
    async (type) => {
      const { port } = await httpServer(mirror);
      const target = new TestTarget({ port });
      const { status, content } = await target.get({ fields: ["content-type", type] }).answer;
      expect(status).toBe(200);
      expect(mirrored(content).raw.join()).toContain(type);
      target.clients.close();
    },
  );

  it("keeps one connection for requests that follow each other, HEAD among them", async () => {
    const { port, connections } = await httpServer((_request, response) => {
      response.setHeader("content-length", "5");
      response.end("hello");
    });
    const target = new TestTarget({ port });
    for (const method of ["GET", "HEAD", "GET", "OPTIONS", "HEAD"]) {
      const { content, fields } = await target.get({ method }).answer;
      expect(content).toBe(method === "HEAD" ? "" : "hello");
      expect(fieldOf(fields, "content-length")).toBe("5");
      expect(fieldOf(fields, "keep-alive")).toBeNull();
    }
    expect(connections()).toBe(1);
    expect(target.dials).toBe(1);
  });

  it("tells the peer of an acceptance with the response, or soon where the target takes long", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const { port } = await httpServer((_request, response) => asked.resolve(response));
    const exchange = new TestTarget({ port }).get();
    const accept = vi.spyOn(exchange.stream, "accept");
    const sendAccept = vi.spyOn(exchange.stream, "sendAccept");
    const response = await asked.promise;
    await eventually("the peer is told", () => sendAccept.mock.calls.length === 1);
    expect(accept.mock.calls).toEqual([[true]]);
    response.end("hello");
    expect((await exchange.answer).content).toBe("hello");
  });

  it("accepts a request at once while more of it may come", async () => {
    const { port } = await httpServer(mirror);
    const exchange = new TestTarget({ port }).open();
    const accept = vi.spyOn(exchange.stream, "accept");
    await exchange.accepted;
    expect(accept.mock.calls).toEqual([[false]]);
    exchange.end();
    expect((await exchange.answer).status).toBe(200);
  });

  it("announces the length that the client announced", async () => {
    const { port } = await httpServer(mirror);
    const { content } = await new TestTarget({ port }).post("hello", { fields: ["content-length", "5"] })
      .answer;
    expect(mirrored(content).content).toBe("hello");
    expect(mirrored(content).raw).toEqual(expect.arrayContaining(["content-length", "5"]));
    expect(mirrored(content).raw).not.toContain("transfer-encoding");
  });

  it("sends content without a length in chunks, and those of its trailers that claim no origin", async () => {
    const { port } = await httpServer(mirror);
    const exchange = new TestTarget({ port }).open({ fields: ["te", "trailers"] });
    for (const piece of ["one ", "two ", "three"]) exchange.write(piece);
    exchange.end(["x-sum", "42", "fairlead-site", "east", "x_forwarded_for", "9.9.9.9"]);
    const { raw, content, trailers } = mirrored((await exchange.answer).content);
    expect(content).toBe("one two three");
    expect(raw).toEqual(
      expect.arrayContaining(["transfer-encoding", "chunked", "connection", "te", "te", "trailers"]),
    );
    expect(trailers).toEqual(["x-sum", "42"]);
  });

  it("announces an empty content where the method expects one, and nothing for DELETE", async () => {
    const { port } = await httpServer(mirror);
    const target = new TestTarget({ port });
    const raw = async (method: string) => mirrored((await target.get({ method }).answer).content).raw;
    expect(await raw("POST")).toEqual(expect.arrayContaining(["content-length", "0"]));
    for (const method of ["DELETE", "GET"]) {
      expect(await raw(method)).not.toContain("content-length");
      expect(await raw(method)).not.toContain("transfer-encoding");
    }
  });

  it("passes on chunks and trailers of the response", async () => {
    const { port } = await httpServer((_request, response) => {
      response.setHeader("trailer", "x-sum");
      response.write("one ");
      response.write("two");
      response.addTrailers({ "x-sum": "7" });
      response.end();
    });
    const { content, trailers, fields } = await new TestTarget({ port }).get().answer;
    expect(content).toBe("one two");
    expect(trailers).toEqual(["x-sum", "7"]);
    expect(fieldOf(fields, "transfer-encoding")).toBeNull();
  });

  it("passes on each chunk as it comes", async () => {
    let response: ServerResponse | undefined;
    const { port } = await httpServer((_request, given) => {
      response = given;
      given.write("data: 1\n\n");
    });
    const exchange = new TestTarget({ port }).get();
    await eventually("the first event", () => exchange.content === "data: 1\n\n");
    response?.write("data: 2\n\n");
    await eventually("the second event", () => exchange.content === "data: 1\n\ndata: 2\n\n");
    response?.end();
    await exchange.answer;
  });

  it("passes on 103 and other informational responses", async () => {
    const { port } = await httpServer((_request, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      response.writeProcessing();
      response.end("done");
    });
    const { informational, content } = await new TestTarget({ port }).get().answer;
    expect(content).toBe("done");
    expect(informational).toEqual([
      { status: 103, fields: ["link", "</a.css>; rel=preload"] },
      { status: 102, fields: [] },
    ]);
  });

  it("lets the target decide whether it wants the content", async () => {
    const { port } = await httpServer(mirror, (server) => {
      server.on("checkContinue", (request, response) => {
        if (request.url === "/no") response.writeHead(413, { connection: "close" }).end("too much");
        else {
          response.writeContinue();
          mirror(request, response);
        }
      });
    });
    const target = new TestTarget({ port });
    const fields = ["expect", "100-continue", "content-length", "5"];
    const yes = target.open({ fields });
    await eventually("the target agrees", () => yes.informational.length > 0);
    yes.write("hello");
    yes.end();
    expect(mirrored((await yes.answer).content).content).toBe("hello");
    expect(yes.informational).toEqual([{ status: 100, fields: [] }]);
    const no = target.open({ path: "/no", fields });
    expect(await no.answer).toMatchObject({ status: 413, content: "too much", informational: [] });
  });

  it("delivers an early response while the client still sends, and takes the rest away", async () => {
    const { port } = await tcpServer((socket) => {
      socket.once("data", () => {
        socket.end("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig");
        // Unread bytes make the end of this side a reset.
        setImmediate(() => socket.destroy());
      });
    });
    const exchange = new TestTarget({ port }).open();
    exchange.write("x".repeat(100_000));
    expect(await exchange.answer).toMatchObject({ status: 413, content: "big" });
    for (let piece = 0; piece < 10; piece++) exchange.write("y".repeat(100_000));
    exchange.end();
    await eventually("the stream is closed", () => exchange.stream.closed);
    expect(exchange.stream.errored).toBeNull();
  });

  it("sends the rest of the request to a target that responded early and goes on", async () => {
    let got = "";
    const { port, connections } = await httpServer((request, response) => {
      response.setHeader("content-length", "5");
      response.end("early");
      request.on("data", (piece) => {
        got += String(piece);
      });
    });
    const target = new TestTarget({ port });
    const exchange = target.open();
    exchange.write("one");
    expect((await exchange.answer).content).toBe("early");
    exchange.write("two");
    exchange.end();
    await eventually("the target has the rest", () => got === "onetwo");
    await eventually("the stream is closed", () => exchange.stream.closed);
    await target.get().answer;
    expect(connections()).toBe(1);
  });

  it("passes on a large request and a large response", async () => {
    const big = "0123456789abcdef".repeat(256 * 1024);
    const { port } = await httpServer(async (request, response) => response.end(await textOf(request)));
    const exchange = new TestTarget({ port }).open();
    for (let at = 0; at < big.length; at += 65_536) exchange.write(big.slice(at, at + 65_536));
    exchange.end();
    expect((await exchange.answer).content === big).toBe(true);
  });

  it("stops reading from the target while the client does not read", async () => {
    let written = 0;
    const { port } = await httpServer((_request, response) => {
      const piece = Buffer.alloc(65_536);
      const more = () => {
        do written += piece.length;
        while (response.write(piece));
      };
      response.on("drain", more);
      more();
    });
    const exchange = new TestTarget({ port }).get();
    await exchange.head;
    exchange.far.pause();
    let before = -1;
    await eventually("the target is stopped", async () => {
      const isSame = before === written;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return isSame && before === written;
    });
    // What the kernel holds for both ends of a loopback connection.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    exchange.far.resume();
    await eventually("the target goes on", () => written > before);
    exchange.far.destroy();
  });

  it("cancels the request at the target when the client leaves", async () => {
    const { port, sockets } = await httpServer((_request, response) => void response.write("begin"));
    const exchange = new TestTarget({ port }).get();
    await exchange.head;
    expect(sockets.size).toBe(1);
    exchange.stream.destroy();
    await eventually("the target's connection is closed", () => sockets.size === 0);
  });
});

describe("an exchange whose target switches protocols", () => {
  /** A server that answers Upgrade, and echoes what follows in upper case. */
  async function upgradingServer(
    head: (key: string) => string,
  ): Promise<{ port: number; requests: string[] }> {
    const requests: string[] = [];
    const { port } = await tcpServer((socket) => {
      let text = "";
      let isOpen = false;
      socket.on("data", (bytes) => {
        if (isOpen) {
          socket.write(String(bytes).toUpperCase());
          return;
        }
        text += String(bytes);
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        requests.push(text.slice(0, end));
        isOpen = true;
        socket.write(head(/sec-websocket-key: (\S+)/.exec(text)?.[1] ?? ""));
        const rest = text.slice(end + 4);
        if (rest !== "") socket.write(rest.toUpperCase());
      });
      socket.on("end", () => socket.end("BYE"));
    });
    return { port, requests };
  }
  const agreed = (key: string) =>
    `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${webSocketAccept(key)}\r\nsec-websocket-protocol: chat\r\n\r\n`;

  it("makes a key of its own, checks the answer, and passes bytes both ways, those behind the head as well", async () => {
    const { port, requests } = await upgradingServer((key) => `${agreed(key)}FIRST`);
    const fields = ["sec-websocket-version", "13", "sec-websocket-protocol", "chat"];
    const exchange = new TestTarget({ port }).open({
      method: "CONNECT",
      protocol: "websocket",
      path: "/ws?a=b",
      fields,
    });
    exchange.write("early ");
    expect(await exchange.head).toEqual({ status: 101, fields: ["sec-websocket-protocol", "chat"] });
    exchange.write("late");
    await eventually("the echo", () => exchange.content === "FIRSTEARLY LATE");
    exchange.end();
    expect((await exchange.answer).content).toBe("FIRSTEARLY LATEBYE");
    expect(requests[0]).toMatch(/^GET \/ws\?a=b HTTP\/1\.1\r\n/);
    expect(requests[0]).toContain("connection: upgrade\r\nupgrade: websocket");
  });

  it("keeps the method of an upgrade to another protocol", async () => {
    const { port, requests } = await upgradingServer(
      () => "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\n",
    );
    const exchange = new TestTarget({ port }).open({ method: "POST", protocol: "tcp", path: "/attach" });
    expect((await exchange.head).status).toBe(101);
    exchange.write("x");
    await eventually("the echo", () => exchange.content === "X");
    exchange.end();
    await exchange.answer;
    expect(requests[0]).toMatch(/^POST \/attach HTTP\/1\.1\r\n/);
  });

  it("refuses a target that does not prove that it read the key", async () => {
    const { port } = await upgradingServer(() => agreed("another key"));
    const exchange = new TestTarget({ port }).open({ protocol: "websocket", method: "GET" });
    await expect(exchange.answer).rejects.toEqual(code("exchange.bad_response"));
  });

  it("passes on the response of a target that does not switch", async () => {
    const { port } = await httpServer((_request, response) => response.writeHead(426).end("no"));
    const exchange = new TestTarget({ port }).open({ protocol: "websocket", method: "GET" });
    expect(await exchange.answer).toMatchObject({ status: 426, content: "no" });
  });

  it("refuses 101 from a target that was not asked", async () => {
    const port = await rawServer("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n");
    await expect(new TestTarget({ port }).get().answer).rejects.toEqual(code("exchange.bad_response"));
  });

  it("carries the tunnel of CONNECT, each direction to its own end", async () => {
    const { port } = await httpServer(mirror, (server) => {
      server.on("connect", (request, socket: Socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.write(`${request.url} `);
        socket.on("data", (bytes) => socket.write(String(bytes).toUpperCase()));
        socket.on("end", () => socket.end(" bye"));
      });
    });
    const exchange = new TestTarget({ port }).open({
      method: "CONNECT",
      scheme: "",
      path: "",
      authority: "db:5432",
    });
    expect((await exchange.head).status).toBe(200);
    exchange.write("hello");
    await eventually("the echo", () => exchange.content === "db:5432 HELLO");
    exchange.end();
    expect((await exchange.answer).content).toBe("db:5432 HELLO bye");
  });
});

describe("an exchange whose target breaks HTTP", () => {
  it.each([
    ["sends no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "exchange.bad_response"],
    ["sends a malformed head", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "exchange.bad_response"],
    [
      "sends two lengths",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
      "exchange.bad_response",
    ],
    ["closes within the head", "HTTP/1.1 200 OK\r\ncontent-", "exchange.failed"],
    ["closes without a response", "", "exchange.failed"],
    ["closes within the content", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "exchange.failed"],
    [
      "closes within a chunk",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nhalf",
      "exchange.failed",
    ],
    [
      "breaks a chunk",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      "exchange.bad_response",
    ],
  ])("resets the stream when the target %s", async (_, text, expected) => {
    const port = await rawServer(text);
    const exchange = new TestTarget({ port }).get();
    await exchange.accepted;
    await expect(exchange.answer).rejects.toEqual(code(expected));
  });

  it("passes on what came of a response before its target broke off", async () => {
    const { port } = await httpServer((_request, response) => {
      response.setHeader("content-length", "10");
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const exchange = new TestTarget({ port }).get();
    await expect(exchange.answer).rejects.toEqual(code("exchange.failed"));
    expect(exchange.content).toBe("half");
  });

  it("refuses the stream when the target refuses the connection, before any byte", async () => {
    const port = await freePort();
    await expect(new TestTarget({ port }).get().accepted).rejects.toEqual(code("service.refused"));
  });

  it("takes nothing that arrives between two requests for a response", async () => {
    let sockets = 0;
    const { port } = await tcpServer((socket) => {
      sockets++;
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nreal");
        setTimeout(() => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfake"), 20);
      });
      socket.on("end", () => socket.end());
    });
    const target = new TestTarget({ port });
    expect((await target.get().answer).content).toBe("real");
    await eventually("the connection is given up", () => target.clients.connections === 0);
    expect((await target.get().answer).content).toBe("real");
    expect(sockets).toBe(2);
  });
});

describe("an exchange at a kept connection", () => {
  it("fails as perhaps processed when the target closes it instead of an answer", async () => {
    let requests = 0;
    const { port } = await tcpServer((socket) => {
      socket.on("data", () => {
        requests++;
        if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        else socket.destroy();
      });
    });
    const target = new TestTarget({ port });
    await target.get().answer;
    await expect(target.post("x").answer).rejects.toEqual(code("exchange.failed"));
    expect(requests).toBe(2);
  });

  it("uses a connection that the target has closed no more", async () => {
    const { port, sockets, connections } = await httpServer((_request, response) => response.end("ok"));
    const target = new TestTarget({ port });
    await target.get().answer;
    for (const socket of sockets) socket.destroy();
    await eventually("the client has noticed", () => target.clients.connections === 0);
    expect((await target.post("x").answer).status).toBe(200);
    expect(connections()).toBe(2);
  });

  it("makes a new one for a request that must not be repeated, when the kept one is old", async () => {
    const { port, connections } = await httpServer((_request, response) => response.end("ok"));
    const target = new TestTarget({ port, limits: { keptForUnsafeMs: 0 } });
    await target.get().answer;
    await target.post("x").answer;
    expect(connections()).toBe(2);
    await target.get().answer;
    expect(connections()).toBe(2);
  });

  it("ends a second before the target's own limit", async () => {
    const { port, connections } = await httpServer(
      (_request, response) => response.end("ok"),
      (server) => {
        server.keepAliveTimeout = 1000;
      },
    );
    const target = new TestTarget({ port });
    await target.get().answer;
    await target.get().answer;
    expect(connections()).toBe(2);
  });

  it("is closed after a while without requests", async () => {
    const { port, sockets } = await httpServer((_request, response) => response.end("ok"));
    const target = new TestTarget({ port, limits: { keptMs: 20 } });
    await target.get().answer;
    await eventually(
      "the connection is closed",
      () => sockets.size === 0 && target.clients.connections === 0,
    );
  });
});

describe("the limits of an exchange", () => {
  it("end a request whose target does not respond", async () => {
    const { port, sockets } = await httpServer(() => {});
    const exchange = new TestTarget({ port, limits: { firstByteMs: 50 } }).get();
    await expect(exchange.answer).rejects.toEqual(code("exchange.timeout"));
    await eventually("the target's connection is closed", () => sockets.size === 0);
  });

  it("end a request whose target sends a head that never ends, a byte at a time", async () => {
    const { port } = await tcpServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write("a"), 10);
      socket.on("close", () => clearInterval(timer));
      socket.resume().on("end", () => socket.end());
    });
    const exchange = new TestTarget({ port, limits: { firstByteMs: 100 } }).get();
    await expect(exchange.answer).rejects.toEqual(code("exchange.timeout"));
  });

  it("end a response that falls silent", async () => {
    const pass = holdTime();
    const { port } = await httpServer((_request, response) => void response.write("begin"));
    const exchange = new TestTarget({ port, limits: { firstByteMs: 50, idleMs: 50 } }).get();
    await eventually("the response begins", () => exchange.content === "begin");
    await pass(100);
    await expect(exchange.answer).rejects.toEqual(code("exchange.timeout"));
    expect(exchange.content).toBe("begin");
  });

  it("end a peer's request whose head never ends", async () => {
    const target = new TestTarget({ port: 1, limits: { firstByteMs: 50 } });
    await expect(target.partial().answer).rejects.toEqual(code("exchange.timeout"));
  });

  it("count a request that goes on as no silence", async () => {
    const pass = holdTime();
    const { port } = await httpServer(mirror);
    const exchange = new TestTarget({ port, limits: { firstByteMs: 200 } }).open();
    for (let piece = 0; piece < 8; piece++) {
      exchange.write("x");
      await pass(50);
    }
    exchange.end();
    expect(mirrored((await exchange.answer).content).content).toBe("xxxxxxxx");
  });
});

describe("a peer that breaks the rules of exchanges", () => {
  it("is refused with exchange.malformed, and its target sees no whole request", async () => {
    let whole = 0;
    const { port } = await httpServer(async (request) => {
      await textOf(request).then(
        () => whole++,
        () => {},
      );
    });
    const target = new TestTarget({ port });
    const short = target.open({ fields: ["content-length", "10"] });
    short.write("half");
    await short.accepted;
    short.far.write(Buffer.from([0, 0]));
    await expect(short.answer).rejects.toEqual(code("exchange.malformed"));
    const cut = target.open();
    cut.write("half");
    await cut.accepted;
    cut.far.end();
    await expect(cut.answer).rejects.toEqual(code("exchange.malformed"));
    expect(whole).toBe(0);
  });

  it("is refused with service.loop when its request goes in circles", async () => {
    const via = Array.from({ length: 9 }, () => "1.1 fairlead").join(", ");
    await expect(new TestTarget({ port: 1 }).get({ fields: ["via", via] }).accepted).rejects.toEqual(
      code("service.loop"),
    );
  });
});
