import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ContentTooLong, HttpClient, textOf } from "../../../../connector/net/http-client.ts";

const LIMIT = 1024;
const never = new AbortController().signal;
const get = { method: "GET", headers: {}, signal: never };

let server: Server;
let serve: (request: IncomingMessage, response: ServerResponse) => void;
let dialled: Socket[];
let client: HttpClient;

const addressOf = (of: Server) => of.address() as AddressInfo;

beforeEach(async () => {
  serve = (request, response) => {
    response.end(`${request.method} ${request.headers.host} ${request.url}`);
  };
  server = createServer((request, response) => serve(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  dialled = [];
  client = new HttpClient("http://name.example/base", async () => {
    const socket = connect(addressOf(server).port, "127.0.0.1");
    dialled.push(socket);
    await once(socket, "connect");
    return socket;
  });
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("HttpClient", () => {
  it("adds the path to its URL, and names its host", async () => {
    const answer = await client.request("/path?query=1", get);
    expect(answer.statusCode).toBe(200);
    expect(await textOf(answer, LIMIT)).toBe("GET name.example /base/path?query=1");
  });

  it("keeps a connection for the next request", async () => {
    await textOf(await client.request("/", get), LIMIT);
    await textOf(await client.request("/", get), LIMIT);
    expect(dialled).toHaveLength(1);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])("gives the length of the body of a %s", async (method) => {
    serve = async (request, response) => {
      const text = await textOf(request, LIMIT);
      response.end(`${request.headers["content-length"]} ${text}`);
    };
    const answer = await client.request("/", { ...get, method, body: "né" });
    expect(await textOf(answer, LIMIT)).toBe("3 né");
  });

  it("does not follow a redirect", async () => {
    serve = (_, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
    };
    const answer = await client.request("/", get);
    expect(answer.statusCode).toBe(302);
    answer.resume();
  });

  it("throws what the dial throws", async () => {
    const failed = new HttpClient("http://name.example", () => Promise.reject(new Error("no way")));
    await expect(failed.request("/", get)).rejects.toThrow("no way");
  });

  it("throws the signal's reason while the dial is in flight, and ends the dial when it is closed", async () => {
    const stop = new AbortController();
    const dial = Promise.withResolvers<AbortSignal>();
    const waiting = new HttpClient("http://name.example", (signal) => {
      dial.resolve(signal);
      return once(signal, "abort").then(() => Promise.reject(signal.reason));
    });
    const answer = waiting.request("/", { ...get, signal: stop.signal });
    const signal = await dial.promise;
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
    expect(signal.aborted).toBe(false);
    waiting.close();
    expect(signal.aborted).toBe(true);
  });

  it("throws the signal's reason while it waits for an answer, and ends the connection", async () => {
    const stop = new AbortController();
    const asked = Promise.withResolvers<IncomingMessage>();
    serve = (request) => asked.resolve(request);
    const answer = client.request("/", { ...get, signal: stop.signal });
    const request = await asked.promise;
    const closed = once(request.socket, "close");
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
    await closed;
  });

  it("throws the signal's reason to who reads the content", async () => {
    const stop = new AbortController();
    serve = (_, response) => {
      response.write("first");
    };
    const answer = await client.request("/", { ...get, signal: stop.signal });
    const read = textOf(answer, LIMIT);
    stop.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
  });

  it("leaves a kept connection alone when the signal comes after the content", async () => {
    const stop = new AbortController();
    await textOf(await client.request("/", { ...get, signal: stop.signal }), LIMIT);
    stop.abort();
    await textOf(await client.request("/", get), LIMIT);
    expect(dialled).toHaveLength(1);
  });

  it("throws for content that is cut off", async () => {
    serve = (_, response) => {
      response.writeHead(200, { "content-length": "9" });
      response.write("first", () => response.destroy());
    };
    const answer = await client.request("/", get);
    await expect(textOf(answer, LIMIT)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("throws for content that is too long", async () => {
    serve = (_, response) => {
      response.end("x".repeat(LIMIT + 1));
    };
    await expect(textOf(await client.request("/", get), LIMIT)).rejects.toThrow(ContentTooLong);
  });

  it("ends requests in flight when it is closed", async () => {
    serve = () => client.close();
    await expect(client.request("/", get)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
