import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParsedRequest, RequestParser } from "../../../../../connector/http/server/request-parser.ts";
import { RequestRefusal } from "../../../../../connector/http/server/request-refusal.ts";
import { SERVER_LIMITS } from "../../../../../connector/http/server/server-limits.ts";
import { BAD_REQUESTS } from "../../../../support/http/bad-requests.ts";

/** What a parser found, with the pieces of content joined. */
class Recorder {
  readonly events: string[] = [];
  readonly requests: ParsedRequest[] = [];
  #content = "";

  requestHead(request: ParsedRequest, ended: boolean): void {
    this.requests.push(request);
    this.events.push(`head ${JSON.stringify(request)} ${ended}`);
  }

  requestContent(bytes: Buffer): void {
    this.#content += bytes.toString("latin1");
  }

  requestEnd(trailers: readonly string[]): void {
    this.events.push(`content ${this.#content}`, `end ${JSON.stringify(trailers)}`);
    this.#content = "";
  }
}

function parse(text: string, pieces: readonly number[] = []): Recorder {
  const recorder = new Recorder();
  const parser = new RequestParser(recorder, SERVER_LIMITS);
  const bytes = Buffer.from(text, "latin1");
  let at = 0;
  for (const end of [
    ...pieces.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]) {
    if (end > at) parser.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return recorder;
}

/** The status of the refusal; 0 without one. */
function refusal(text: string): number {
  const statuses = [[], [...text].map((_, index) => index)].map((pieces) => {
    try {
      parse(text, pieces);
      return 0;
    } catch (error) {
      if (error instanceof RequestRefusal) return error.status;
      throw error;
    }
  });
  // However the bytes are cut, the result is the same.
  expect(statuses[0]).toBe(statuses[1]);
  return statuses[0] ?? 0;
}

const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const post = (lines: string, content = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${content}`;

describe("a parser of requests", () => {
  it.each(BAD_REQUESTS)("refuses $title with $status", ({ text, status }) => {
    expect(refusal(text)).toBe(status);
  });

  it("takes as many fields as its limit", () => {
    expect(refusal(get("X: a\r\n".repeat(99)))).toBe(0);
  });

  it("finds the same requests however the bytes are cut", () => {
    const text = [
      get("X: \t a b \r\n"),
      "\r\n",
      post("Content-Length: 5\r\n", "hello"),
      post(
        "Transfer-Encoding: Chunked\r\nTE: trailers\r\n",
        "3;ext=1\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
      ),
      "OPTIONS * HTTP/1.0\r\n\r\n",
      "GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\nConnection: close, X\r\nX: 1\r\n\r\n",
    ].join("");
    const { events, requests } = parse(text);
    expect(requests.map(({ head }) => `${head.method} ${head.authority} ${head.path}`)).toEqual([
      ...["GET a /", "POST a /", "POST a /", "OPTIONS  *", "GET a:80 /x?y"],
    ]);
    expect(requests.map(({ keepAlive }) => keepAlive)).toEqual([true, true, true, false, false]);
    expect(requests[0]?.head.fields).toEqual(["x", "a b"]);
    expect(requests[2]?.head.fields).toEqual(["te", "trailers"]);
    expect(requests[4]?.head.fields).toEqual([]);
    expect(events.filter((event) => !event.startsWith("head"))).toEqual([
      ...["content hello", "end []", "content abc0123456789", 'end ["X-Sum","1"]'],
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), (pieces) => {
        expect(parse(text, pieces).events).toEqual(events);
      }),
    );
    expect(
      parse(
        text,
        [...text].map((_, index) => index),
      ).events,
    ).toEqual(events);
  });

  it("takes nothing of the next request while it is held", () => {
    const recorder = new Recorder();
    const parser = new RequestParser(recorder, SERVER_LIMITS);
    const begun = recorder.requestHead.bind(recorder);
    recorder.requestHead = (request, ended) => {
      begun(request, ended);
      parser.hold();
    };
    const text = get("") + get("X: 1\r\n");
    expect(parser.push(Buffer.from(text))).toBe(get("").length);
    expect(recorder.requests).toHaveLength(1);
    parser.release();
    expect(parser.push(Buffer.from(text).subarray(get("").length))).toBe(get("X: 1\r\n").length);
    expect(recorder.requests).toHaveLength(2);
  });

  it("takes what follows a request for another protocol as content", () => {
    const upgrade =
      "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    const { requests, events } = parse(`${get(upgrade)}GET / HTTP/1.1\r\n\r\n`);
    expect(events).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      head: { protocol: "websocket", fields: [] },
      webSocketKey: "AAAAAAAAAAAAAAAAAAAAAA==",
    });
    expect(parse("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\nabc").requests[0]?.head).toMatchObject({
      ...{ method: "CONNECT", scheme: "", authority: "db:5432", path: "" },
    });
  });

  it("ignores an upgrade that it may ignore", () => {
    for (const lines of [
      "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
      "Upgrade: websocket\r\n",
      "Connection: upgrade\r\nUpgrade: a, b\r\n",
      "Connection: upgrade\r\nUpgrade: TLS/1.2\r\n",
    ]) {
      const [request] = parse(get(lines)).requests;
      expect(request?.head.protocol).toBeUndefined();
      expect(request?.head.fields).toEqual([]);
    }
    expect(
      parse(post("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n", "a")).requests[0]?.head
        .protocol,
    ).toBeUndefined();
  });

  it("throws nothing but refusals for altered bytes", () => {
    const text = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX: 1\r\n\r\n") + get("X: a\r\n");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (changes, pieces) => {
          const bytes = Buffer.from(text);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          try {
            parse(bytes.toString("latin1"), pieces);
          } catch (error) {
            expect(error).toBeInstanceOf(RequestRefusal);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
