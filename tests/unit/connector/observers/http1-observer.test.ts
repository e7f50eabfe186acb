import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Http1Observer } from "../../../../connector/observers/http1-observer.ts";
import { ObservationError } from "../../../../connector/observers/observation-error.ts";
import { PartialBytesBudget } from "../../../../connector/observers/partial-bytes.ts";
import { LlhttpParser } from "../../../support/http/llhttp.ts";
import { cut, Observation } from "../../../support/http/observation.ts";

const GET = "GET /a?secret=1 HTTP/1.1\r\nHost: shop\r\nCookie: secret=2\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

describe("an observed HTTP/1.1 connection", () => {
  it("reports a request with its times, bytes and ids, and without query and cookies", () => {
    const { reports, flow } = new Observation().toTarget(GET).toClient(OK);
    expect(reports).toEqual([
      {
        ...{ network: "network-test", site: "site-test", side: "listener", service: "api", peer: null },
        ...{ isDoor: false, target: null, trace: null },
        ...{ client: "127.0.0.1:5000", session: null, stream: null, protocol: "http1", method: "GET" },
        ...{ authority: "shop", path: "/a", status: 200, startedAt: expect.any(Number) },
        ...{ ms: expect.any(Number), firstByteMs: expect.any(Number), outcome: "completed", attempts: 1 },
        ...{ bytesToTarget: GET.length, bytesToClient: OK.length },
      },
    ]);
    expect(JSON.stringify(reports)).not.toContain("secret");
    expect(Math.abs((reports[0]?.startedAt ?? 0) - flow.startedAt)).toBeLessThan(60_000);
  });

  it("reports the trace of the connection with its requests", () => {
    const observation = new Observation();
    const trace = { id: "0".repeat(32), traceparent: "", requestEnded: () => {}, ended: () => {} };
    observation.flow.trace = trace;
    observation.toTarget(GET).toClient(OK);
    expect(observation.reports[0]?.trace).toBe(trace);
  });

  it("reports requests that share the connection one after another", () => {
    const observation = new Observation();
    for (let at = 0; at < 3; at++) observation.toTarget(GET).toClient(OK);
    expect(observation.texts).toEqual(["GET /a 200", "GET /a 200", "GET /a 200"]);
  });

  it("gives pipelined requests their responses in order", () => {
    const observation = new Observation().toTarget(
      "GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /4 HTTP/1.1\r\n\r\n",
    );
    observation.toClient(
      `${OK}HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n` +
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
    expect(observation.texts).toEqual(["GET /1 200", "HEAD /2 304", "POST /3 201", "GET /4 204"]);
  });

  it.each([
    ["HEAD", "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "HEAD / 200"],
    ["204", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "GET / 204"],
    ["304", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET / 304"],
    [
      "100 and 103",
      "PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`,
      "PUT / 200",
    ],
    [
      "a reason that is missing",
      "GET / HTTP/1.1\r\n\r\n",
      "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
      "GET / 200",
    ],
    ["line ends before a request", "\r\nGET / HTTP/1.1\r\n\r\n", OK, undefined],
    ["the absolute form", "GET http://u:p@shop/a?b HTTP/1.1\r\n\r\n", OK, "GET /a 200"],
    ["OPTIONS *", "OPTIONS * HTTP/1.1\r\n\r\n", OK, "OPTIONS * 200"],
  ])("follows %s", (_what, request, response, text) => {
    const observation = new Observation().toTarget(request).toClient(response);
    if (text === undefined) expect(observation.isOn).toBe(false);
    else expect(observation.texts).toEqual([text]);
  });

  it("counts the body of a response without a length until the connection ends", () => {
    const observation = new Observation().toTarget(GET).toClient("HTTP/1.0 200 OK\r\n\r\nab", "cd");
    expect(observation.reports).toEqual([]);
    observation.end();
    expect(observation.texts).toEqual(["GET /a 200"]);
    expect(observation.reports[0]?.bytesToClient).toBe(23);
  });

  it("reports an early response once the request has ended too", () => {
    const observation = new Observation().toTarget("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab");
    observation.toClient("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    expect(observation.texts).toEqual([]);
    observation.toTarget("cd", GET).toClient(OK);
    expect(observation.texts).toEqual(["POST / 413", "GET /a 200"]);
  });

  it("reports a request whose response was cut off as failed", () => {
    const cutOff = new Observation().toTarget(GET).toClient(OK.slice(0, -1)).end();
    expect(cutOff.texts).toEqual(["GET /a 200 stream.cancelled"]);
    const reset = new Observation().toTarget(GET, GET).toClient("HTTP/1.0 200 OK\r\n\r\nab").end(true);
    expect(reset.texts).toEqual(["GET /a 200 stream.cancelled", "GET /a 0 stream.cancelled"]);
    expect(reset.reports[1]?.firstByteMs).toBeNull();
  });

  it("counts the bytes of an upgraded connection for the request that upgraded it", () => {
    const request = "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    const observation = new Observation()
      .toTarget(request)
      .toClient(`${response}GET / HTTP`)
      .toTarget("POST");
    expect(observation.reports).toEqual([]);
    observation.end();
    expect(observation.texts).toEqual(["GET /chat 101"]);
    const [report] = observation.reports;
    expect(report?.bytesToTarget).toBe(request.length + 4);
    expect(report?.bytesToClient).toBe(response.length + 10);
  });

  it("goes on with HTTP/1.1 when an upgrade is declined", () => {
    const upgrade = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    const observation = new Observation().toTarget(upgrade).toClient(OK).toTarget(GET).toClient(OK);
    expect(observation.texts).toEqual(["GET / 200", "GET /a 200"]);
  });

  it("counts a tunnel of CONNECT, also with bytes that came before the answer", () => {
    const request = "CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n";
    const observation = new Observation()
      .toTarget(request, "early")
      .toClient("HTTP/1.1 200 OK\r\n\r\nab")
      .end();
    expect(observation.texts).toEqual(["CONNECT  200"]);
    expect(observation.reports[0]).toMatchObject({
      authority: "shop:443",
      bytesToTarget: request.length + 5,
    });
  });

  it.each([
    ["two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["a repeated length", "POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n"],
    ["a signed length", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"],
    ["a coding that is not chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"],
    [
      "a coding behind chunked",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
    ["a folded field", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"],
    ["a chunk without a length", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"],
    [
      "a chunk with a long length",
      `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${"1".repeat(20)}\r\n`,
    ],
    ["a chunk with another end", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc"],
    ["a long head", `GET / HTTP/1.1\r\nA: ${"b".repeat(40_000)}`],
    ["a long head in one piece", `GET / HTTP/1.1\r\nA: ${"b".repeat(40_000)}\r\n\r\n`],
    ["control characters in the target", "GET /\x1b[2J HTTP/1.1\r\n\r\n"],
    ["a target with spaces", "GET / a HTTP/1.1\r\n\r\n"],
    ["another version", "GET / HTTP/2.0\r\n\r\n"],
    ["HTTP/0.9", "GET /\r\n\r\n"],
    ["too many pipelined requests", GET.repeat(101)],
  ])("is off after %s", (_what, request) => {
    expect(new Observation().toTarget(request).isOn).toBe(false);
  });

  it.each([
    ["a response without a request", "", OK],
    ["a second response", "GET / HTTP/1.1\r\n\r\n", OK + OK],
    ["something else", "GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["a protocol that nobody asked for", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n"],
    [
      "two lengths",
      "GET / HTTP/1.1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
  ])("is off after a target that sends %s", (_what, request, response) => {
    const observation = new Observation().toTarget(request).toClient(response);
    expect(observation.isOn).toBe(false);
    observation.toTarget(GET).toClient(OK).end();
  });

  it("keeps the reports that it made before it was off", () => {
    const observation = new Observation().toTarget(GET).toClient(OK).toTarget("nonsense\r\n\r\n").end();
    expect(observation.texts).toEqual(["GET /a 200"]);
  });
});

// Exchanges, their bytes and what is reported of them.

const name = fc.stringMatching(/^[a-z]{1,8}$/);
const body = fc.oneof(
  fc.constant(""),
  fc.stringMatching(/^[ -~]{1,40}$/),
  fc.constant("HTTP/1.1 200 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
);
const message = fc.record({ body, chunked: fc.boolean(), field: name, trailer: fc.boolean() });
const exchange = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"),
  path: name,
  query: fc.boolean(),
  request: message,
  interim: fc.constantFrom(
    "",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
  ),
  status: fc.constantFrom(200, 204, 206, 302, 304, 404, 503),
  response: message,
});
type Exchange = typeof exchange extends fc.Arbitrary<infer T> ? T : never;
type Message = Exchange["request"];

function withBody({ body: text, chunked, field, trailer }: Message, isBodyless: boolean): string {
  const fields = `X-${field}: ${field}\r\n`;
  if (!chunked) return `${fields}Content-Length: ${text.length}\r\n\r\n${isBodyless ? "" : text}`;
  const half = Math.floor(text.length / 2);
  const chunks = [text.slice(0, half), text.slice(half)].filter((chunk) => chunk !== "");
  const coded = chunks.map(
    (chunk, at) => `${chunk.length.toString(16)}${at > 0 ? ";a=b" : ""}\r\n${chunk}\r\n`,
  );
  const end = `0\r\n${trailer ? "X-Sum: 1\r\n" : ""}\r\n`;
  return `${fields}Transfer-Encoding: chunked\r\n\r\n${isBodyless ? "" : coded.join("") + end}`;
}

const isBodyless = ({ method, status }: Exchange) => method === "HEAD" || status === 204 || status === 304;

const requestBytes = (each: Exchange) =>
  Buffer.from(
    `${each.method} /${each.path}${each.query ? "?q=secret" : ""} HTTP/1.1\r\nHost: a\r\n${withBody(each.request, false)}`,
  );
const responseBytes = (each: Exchange) =>
  Buffer.from(`${each.interim}HTTP/1.1 ${each.status} Text\r\n${withBody(each.response, isBodyless(each))}`);
const textOf = ({ method, path, status }: Exchange) => `${method} /${path} ${status}`;

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe("an HTTP/1.1 observer under any cut of the bytes", () => {
  it("reports each request of a connection once, in order", () => {
    fc.assert(
      fc.property(
        fc.array(exchange, { minLength: 1, maxLength: 5 }),
        places,
        places,
        (exchanges, first, second) => {
          const observation = new Observation();
          for (const each of exchanges) {
            observation.toTarget(...cut(requestBytes(each), first));
            observation.toClient(...cut(responseBytes(each), second));
          }
          expect(observation.texts).toEqual(exchanges.map(textOf));
          const sent = exchanges.reduce((sum, each) => sum + requestBytes(each).length, 0);
          expect(observation.reports.reduce((sum, { bytesToTarget }) => sum + bytesToTarget, 0)).toBe(sent);
          expect(observation.isOn).toBe(true);
        },
      ),
    );
  });

  it("reports the same when all requests are pipelined", () => {
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 5 }), places, (exchanges, each) => {
        const observation = new Observation();
        observation.toTarget(...cut(Buffer.concat(exchanges.map(requestBytes)), each));
        observation.toClient(...cut(Buffer.concat(exchanges.map(responseBytes)), each));
        expect(observation.texts).toEqual(exchanges.map(textOf));
      }),
    );
  });
});

/** What llhttp makes of the bytes; null when it refuses them. */
function reference(toTarget: Buffer, toClient: Buffer): string[] | null {
  try {
    const requests = new LlhttpParser("request");
    requests.execute(toTarget);
    if (requests.isUpgraded) return null;
    const isHead = (at: number) => requests.messages[at]?.method === "HEAD";
    const responses = new LlhttpParser("response", isHead);
    responses.execute(toClient);
    const finals = responses.messages.filter(({ status, isComplete }) => isComplete && status >= 200);
    return finals.flatMap(({ status }, at) => {
      const request = requests.messages[at];
      return request?.isComplete ? [`${request.method} ${status}`] : [];
    });
  } catch {
    return null;
  }
}

describe("an HTTP/1.1 observer of mutated traffic", () => {
  const mutation = fc.record({
    direction: fc.boolean(),
    place: fc.integer({ min: 0, max: 999 }),
    remove: fc.integer({ min: 0, max: 3 }),
    insert: fc.oneof(
      fc.constantFrom(
        "\r\n",
        "\n",
        " ",
        ":",
        "0",
        "chunked",
        "Content-Length: 3\r\n",
        "HTTP/1.1 ",
        "\0",
        ";",
        ",",
      ),
      fc.stringMatching(/^[!-~]{0,3}$/),
    ),
  });

  it("throws nothing, and agrees with llhttp wherever llhttp accepts both directions", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(exchange, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 2 }),
        places,
        (exchanges, mutations, each) => {
          const bytes = [exchanges.map(requestBytes), exchanges.map(responseBytes)].map((all) =>
            Buffer.concat(all),
          );
          for (const { direction, place, remove, insert } of mutations) {
            const at = direction ? 0 : 1;
            const before = bytes[at] ?? Buffer.alloc(0);
            const from = Math.floor((place / 1000) * before.length);
            const parts = [
              before.subarray(0, from),
              Buffer.from(insert, "latin1"),
              before.subarray(from + remove),
            ];
            bytes[at] = Buffer.concat(parts);
          }
          const [toTarget = Buffer.alloc(0), toClient = Buffer.alloc(0)] = bytes;
          const observation = new Observation();
          observation.toTarget(...cut(toTarget, each)).toClient(...cut(toClient, each));
          const isOn = observation.isOn;
          const seen = observation.reports.map(({ method, status }) => `${method} ${status}`);
          observation.end();
          const expected = reference(toTarget, toClient);
          if (expected === null || !isOn) return;
          compared++;
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it("throws ObservationErrors alone, for any bytes", () => {
    const chunk = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(GET, OK, "0\r\n\r\n"));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), chunk), { maxLength: 20 }), (chunks) => {
        const budget = new PartialBytesBudget();
        const before = budget.left;
        const observer = new Http1Observer(() => {}, budget);
        try {
          for (const [isRequest, each] of chunks) {
            const bytes = typeof each === "string" ? Buffer.from(each) : Buffer.from(each);
            if (isRequest) observer.toTarget(bytes);
            else observer.toClient(bytes);
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ObservationError);
        }
        observer.ended("completed");
        expect(budget.left).toBe(before);
      }),
    );
  });
});
