import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import type { RequestHead, ResponseHead } from "../../../../protocol/exchange/head.ts";
import { EXCHANGE_LIMITS } from "../../../../protocol/exchange/limits.ts";
import { RequestDecoder, ResponseDecoder } from "../../../../protocol/exchange/message-decoder.ts";
import { RequestEncoder, ResponseEncoder } from "../../../../protocol/exchange/message-encoder.ts";
import vectors from "../../../vectors/exchange.json" with { type: "json" };

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

/** What a decoder said of a message: its parts in order, with the pieces of content joined. */
class Recorder {
  readonly events: string[] = [];
  head: RequestHead | ResponseHead | null = null;
  #content = "";

  onHead(head: RequestHead | ResponseHead): void {
    this.head = head;
    this.events.push(`head ${JSON.stringify(head)}`);
  }

  onInformational(head: ResponseHead): void {
    this.events.push(`informational ${JSON.stringify(head)}`);
  }

  onContent(piece: Uint8Array): void {
    if (piece.length === 0) throw new Error("an empty piece");
    this.#content += Buffer.from(piece).toString("hex");
  }

  onTrailers(fields: readonly string[]): void {
    this.#flush();
    this.events.push(`trailers ${JSON.stringify(fields)}`);
  }

  onEnd(): void {
    this.#flush();
    this.events.push("end");
  }

  #flush(): void {
    if (this.#content !== "") this.events.push(`content ${this.#content}`);
    this.#content = "";
  }
}

const GET: RequestHead = { method: "GET", scheme: "http", authority: "a", path: "/", fields: [] };
const requestOf = (name: string): RequestHead =>
  name === "websocket" ? { ...GET, protocol: name } : { ...GET, method: name };

function decodeRequest(...pieces: Uint8Array[]): string[] {
  const recorder = new Recorder();
  const decoder = new RequestDecoder(recorder);
  for (const piece of pieces) decoder.push(piece);
  decoder.end();
  return recorder.events;
}

function decodeResponse(request: RequestHead, ...pieces: Uint8Array[]): string[] {
  const recorder = new Recorder();
  const decoder = new ResponseDecoder(request, recorder);
  for (const piece of pieces) decoder.push(piece);
  decoder.end();
  return recorder.events;
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return "accepted";
  } catch (error) {
    if (error instanceof FairleadError) return error.code;
    throw error;
  }
}

/** Cuts the bytes at the given places. */
function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const end of [...ends, whole.length]) {
    // A piece of its own buffer: a decoder that kept a slice of a reused one would be found.
    if (end > at) pieces.push(whole.slice(at, end));
    at = end;
  }
  return pieces;
}

const name = fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,300}[!-~\x80-\xff])?)?$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 20 }).map((lines) => lines.flat());
const content = fc.array(fc.uint8Array({ minLength: 1, maxLength: 5000 }), { maxLength: 5 });
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "M-SEARCH", "OPTIONS"),
  scheme: fc.constantFrom("http", "https"),
  authority: fc.constantFrom("", "a.example", "[::1]:8080", "10.0.0.1:80"),
  path: fc.stringMatching(/^\/[!"$-~]{0,200}$/),
  fields,
});

function encode(encoder: (emit: (piece: Uint8Array) => void) => void): Uint8Array {
  const pieces: Uint8Array[] = [];
  encoder((piece) => pieces.push(piece));
  return Uint8Array.from(Buffer.concat(pieces));
}

describe("a decoder of requests", () => {
  it("reads the request of RFC 9292, and takes its host for the authority", () => {
    const [head, ...rest] = decodeRequest(bytes(vectors.rfc9292.request));
    expect(JSON.parse(head?.replace("head ", "") ?? "")).toEqual({
      method: "GET",
      scheme: "https",
      authority: "www.example.com",
      path: "/hello.txt",
      fields: [
        ...["user-agent", "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"],
        ...["accept-language", "en, mi"],
      ],
    });
    expect(rest).toEqual(["end"]);
  });

  it("reads the request of RFC 9292 alike without its padding and its empty parts", () => {
    const whole = bytes(vectors.rfc9292.request);
    const events = decodeRequest(whole);
    for (let removed = 1; removed <= 12; removed++) {
      expect(decodeRequest(whole.subarray(0, -removed))).toEqual(events);
    }
    expect(codeOf(() => decodeRequest(whole.subarray(0, -13)))).toBe("exchange.malformed");
  });

  it.each(vectors.requests)("reads the vector of $about", (vector) => {
    const { about: _, hex, content: pieces = [], trailers = [], ...head } = vector;
    const events = [`head ${JSON.stringify({ ...head, protocol: undefined, ...protocolOf(head) })}`];
    const recorder = new Recorder();
    const decoder = new RequestDecoder(recorder);
    decoder.push(bytes(hex));
    expect(decoder.ended).toBe(true);
    expect(recorder.head).toEqual(head);
    if (pieces.length > 0) events.push(`content ${pieces.join("")}`);
    if (trailers.length > 0) events.push(`trailers ${JSON.stringify(trailers)}`);
    expect(recorder.events.slice(1)).toEqual([...events.slice(1), "end"]);
  });

  it.each(vectors.refusedRequests)("refuses the vector of $why", ({ hex, code }) => {
    expect(codeOf(() => decodeRequest(bytes(hex)))).toBe(code);
    expect(codeOf(() => decodeRequest(...cut(bytes(hex), [...bytes(hex).keys()])))).toBe(code);
  });

  it("gives the same parts however the bytes are cut", () => {
    fc.assert(
      fc.property(
        request,
        content,
        fields,
        fc.array(fc.nat(), { maxLength: 40 }),
        (head, pieces, trailers, places) => {
          const whole = encode((emit) => {
            const encoder = new RequestEncoder(emit);
            encoder.head(head);
            for (const piece of pieces) encoder.content(piece);
            encoder.end(trailers);
          });
          const events = decodeRequest(whole);
          expect(JSON.parse(events[0]?.replace("head ", "") ?? "")).toEqual(head);
          expect(events.filter((event) => event.startsWith("content"))).toEqual(
            pieces.length === 0 ? [] : [`content ${Buffer.concat(pieces).toString("hex")}`],
          );
          expect(decodeRequest(...cut(whole, places))).toEqual(events);
          if (whole.length < 2000) expect(decodeRequest(...cut(whole, [...whole.keys()]))).toEqual(events);
        },
      ),
    );
  });

  it("never throws anything but its two codes for altered bytes, and never ends a message that it refused", () => {
    const samples = [...vectors.requests, { hex: vectors.rfc9292.request }].map(({ hex }) => bytes(hex));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (sample, changes, places) => {
          const altered = sample.slice();
          for (const [at, byte] of changes) altered[at % altered.length] = byte;
          const recorder = new Recorder();
          const decoder = new RequestDecoder(recorder);
          const code = codeOf(() => {
            for (const piece of cut(altered, places)) decoder.push(piece);
            decoder.end();
          });
          expect(["accepted", "exchange.malformed", "exchange.too_large"]).toContain(code);
          if (code === "accepted") expect(recorder.events.at(-1)).toBe("end");
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("refuses more fields, a longer head and more padding than its limits", () => {
    const limits = { ...EXCHANGE_LIMITS, headBytes: 200, fields: 3, paddingBytes: 4 };
    const decode = (head: RequestHead, padding = 0): string =>
      codeOf(() => {
        const decoder = new RequestDecoder(new Recorder(), limits);
        const whole = encode((emit) => new RequestEncoder(emit).head(head, true));
        for (const piece of cut(whole, [...whole.keys()])) decoder.push(piece);
        decoder.push(new Uint8Array(padding));
      });
    const lines = (count: number) => Array.from({ length: count }, () => ["a", "b"]).flat();
    expect(decode({ ...GET, fields: lines(3) })).toBe("accepted");
    expect(decode({ ...GET, fields: lines(4) })).toBe("exchange.too_large");
    expect(decode({ ...GET, fields: ["a", "b".repeat(180)] })).toBe("accepted");
    expect(decode({ ...GET, fields: ["a", "b".repeat(190)] })).toBe("exchange.too_large");
    expect(decode({ ...GET, path: `/${"b".repeat(190)}` })).toBe("exchange.too_large");
    expect(decode(GET, 4)).toBe("accepted");
    expect(decode(GET, 5)).toBe("exchange.too_large");
  });

  it("holds no more of a head that never ends than its limit", () => {
    const decoder = new RequestDecoder(new Recorder());
    decoder.push(bytes("02034745540468747470016180004000"));
    let taken = 0;
    const code = codeOf(() => {
      for (; taken < 1_000_000; taken += 1000) decoder.push(new Uint8Array(1000).fill(0x2f));
    });
    expect(code).toBe("exchange.too_large");
    expect(taken).toBeLessThanOrEqual(EXCHANGE_LIMITS.headBytes);
  });
});

describe("a decoder of responses", () => {
  it("reads the response of RFC 9292 with its informational responses", () => {
    const events = decodeResponse(GET, bytes(vectors.rfc9292.response));
    expect(events.map((event) => event.split(" ")[0])).toEqual([
      ...["informational", "informational", "head", "content", "end"],
    ]);
    expect(events[0]).toBe('informational {"status":102,"fields":["running","\\"sleep 15\\""]}');
    const text = Buffer.from(events[3]?.split(" ")[1] ?? "", "hex").toString();
    expect(text).toBe("Hello World! My content includes a trailing CRLF.\r\n");
  });

  it.each(vectors.responses)("reads the vector of $about", (vector) => {
    const { hex, request: name, status, fields: lines, content: pieces = [], trailers = [] } = vector;
    const events = decodeResponse(requestOf(name), bytes(hex));
    const informational = vector.informational ?? [];
    expect(events).toEqual([
      ...informational.map((head) => `informational ${JSON.stringify(head)}`),
      `head ${JSON.stringify({ status, fields: lines })}`,
      ...(pieces.length > 0 ? [`content ${pieces.join("")}`] : []),
      ...(trailers.length > 0 ? [`trailers ${JSON.stringify(trailers)}`] : []),
      "end",
    ]);
  });

  it.each(vectors.refusedResponses)("refuses the vector of $why", ({ hex, request: name, code }) => {
    expect(codeOf(() => decodeResponse(requestOf(name), bytes(hex)))).toBe(code);
    expect(codeOf(() => decodeResponse(requestOf(name), ...cut(bytes(hex), [...bytes(hex).keys()])))).toBe(
      code,
    );
  });

  it("gives the same parts however the bytes are cut", () => {
    const head = fc.record({ status: fc.integer({ min: 200, max: 599 }), fields });
    const hints = fc.array(fc.record({ status: fc.integer({ min: 102, max: 199 }), fields }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(
        hints,
        head,
        content,
        fc.array(fc.nat(), { maxLength: 40 }),
        (early, final, pieces, places) => {
          const body = final.status === 204 || final.status === 304 ? [] : pieces;
          const whole = encode((emit) => {
            const encoder = new ResponseEncoder(emit);
            for (const hint of early) encoder.informational(hint);
            encoder.head(final);
            for (const piece of body) encoder.content(piece);
            encoder.end();
          });
          const events = decodeResponse(GET, whole);
          expect(events.filter((event) => event.startsWith("informational"))).toHaveLength(early.length);
          expect(decodeResponse(GET, ...cut(whole, places))).toEqual(events);
        },
      ),
    );
  });

  it("refuses informational responses without end", () => {
    const whole = encode((emit) => {
      const encoder = new ResponseEncoder(emit);
      for (let count = 0; count <= EXCHANGE_LIMITS.informational; count++) {
        encoder.informational({ status: 102, fields: [] });
      }
    });
    expect(codeOf(() => decodeResponse(GET, whole))).toBe("exchange.too_large");
  });
});

function protocolOf(head: object): { protocol?: unknown } {
  return "protocol" in head ? { protocol: head.protocol } : {};
}
