import { get } from "node:http";
import { createServer, type Server } from "node:net";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type RequestForm, ResponseParser } from "../../../../../connector/http/client/response-parser.ts";
import { BAD_RESPONSES, CUT_RESPONSES } from "../../../../support/http/bad-responses.ts";

type Found = readonly unknown[];

/** Parses the bytes in pieces of the given size, and returns what was found. */
function parse(
  text: string,
  {
    method = "GET",
    upgrade = false,
    size = Number.POSITIVE_INFINITY,
  }: Partial<RequestForm> & { size?: number } = {},
): { found: Found[]; parser: ResponseParser; complete: boolean } {
  const found: Found[] = [];
  let content = "";
  const flush = () => {
    if (content !== "") found.push(["content", content]);
    content = "";
  };
  const parser = new ResponseParser({
    informational: ({ status, fields }) => found.push(["informational", status, ...fields]),
    head: ({ status, fields }, ended) => found.push([ended ? "whole" : "head", status, ...fields]),
    content: (bytes) => {
      content += Buffer.from(bytes).toString("latin1");
    },
    end: (trailers) => {
      flush();
      found.push(["end", ...trailers]);
    },
  });
  parser.begin({ method, upgrade });
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += Math.min(size, bytes.length)) {
    parser.push(bytes.subarray(at, at + size));
  }
  const complete = parser.finish();
  flush();
  return { found, parser, complete };
}

const VALID: readonly {
  title: string;
  text: string;
  form?: Partial<RequestForm>;
  found: Found[];
  keepAlive: boolean;
}[] = [
  {
    title: "a response with a length",
    text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \t\r\n\r\nhello",
    found: [["head", 200, "content-length", "5", "x-a", "b"], ["content", "hello"], ["end"]],
    keepAlive: true,
  },
  {
    title: "a response without content",
    text: "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n",
    found: [["whole", 200, "content-length", "0"]],
    keepAlive: true,
  },
  {
    title: "chunks with extensions and trailers",
    text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\ngrpc-status: 0\r\n\r\n",
    found: [
      ["head", 200, "transfer-encoding", "Chunked"],
      ["content", "abc0123456789"],
      ["end", "grpc-status", "0"],
    ],
    keepAlive: true,
  },
  {
    title: "chunks without trailers",
    text: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    found: [["head", 200, "transfer-encoding", "chunked"], ["content", "a"], ["end"]],
    keepAlive: true,
  },
  {
    title: "content up to the end of the connection",
    text: "HTTP/1.0 200 OK\r\n\r\nall of it",
    found: [["head", 200], ["content", "all of it"], ["end"]],
    keepAlive: false,
  },
  {
    title: "informational responses before the final one",
    text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    found: [
      ["informational", 100],
      ["informational", 103, "link", "</a>"],
      ["whole", 204],
    ],
    keepAlive: true,
  },
  {
    title: "the response to HEAD, which keeps its length",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
    form: { method: "HEAD" },
    found: [["whole", 200, "content-length", "1234"]],
    keepAlive: true,
  },
  {
    title: "304 with the length of what it does not send",
    text: "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    found: [["whole", 304, "content-length", "9"]],
    keepAlive: true,
  },
  {
    title: "101 and the bytes behind it",
    text: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n\0\u0001raw",
    form: { upgrade: true },
    found: [["head", 101, "upgrade", "x"], ["content", "\0\u0001raw"], ["end"]],
    keepAlive: false,
  },
  {
    title: "the tunnel of CONNECT",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nraw",
    form: { method: "CONNECT" },
    found: [["head", 200, "content-length", "0"], ["content", "raw"], ["end"]],
    keepAlive: false,
  },
  {
    title: "Connection: close",
    text: "HTTP/1.1 200 OK\r\nconnection: foo, Close\r\ncontent-length: 0\r\n\r\n",
    found: [["whole", 200, "connection", "foo, Close", "content-length", "0"]],
    keepAlive: false,
  },
  {
    title: "keep-alive of HTTP/1.0",
    text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    found: [["whole", 200, "connection", "keep-alive", "content-length", "0"]],
    keepAlive: true,
  },
  {
    title: "bytes above 127 in a value",
    text: "HTTP/1.1 200 \xc3\xa9\r\nx: \xc3\xa9\xa0\r\ncontent-length: 0\r\n\r\n",
    found: [["whole", 200, "x", "\xc3\xa9\xa0", "content-length", "0"]],
    keepAlive: true,
  },
];

describe("ResponseParser", () => {
  for (const { title, text, form, found, keepAlive } of VALID) {
    it(`reads ${title}, in any pieces`, () => {
      for (const size of [1, 2, 3, 7, Number.POSITIVE_INFINITY]) {
        const read = parse(text, { ...form, size });
        expect(read.found).toEqual(found);
        expect(read.complete).toBe(true);
        expect(read.parser.keepAlive).toBe(keepAlive);
      }
    });
  }

  it.each(BAD_RESPONSES)("refuses $title, in any pieces", ({ text }) => {
    for (const size of [1, 5, Number.POSITIVE_INFINITY]) {
      expect(() => parse(text, { size })).toThrow(expect.objectContaining({ code: "exchange.bad_response" }));
    }
  });

  it.each(CUT_RESPONSES)("calls a response incomplete whose connection ends $title", ({ text }) => {
    expect(parse(text).complete).toBe(false);
  });

  it.each([
    ["timeout=5, max=100", 5000],
    ["max=3, timeout=10", 10_000],
    ["max=3", null],
  ])("reads how long the target keeps the connection in %s", (value, ms) => {
    const { parser } = parse(`HTTP/1.1 200 OK\r\nkeep-alive: ${value}\r\ncontent-length: 0\r\n\r\n`);
    expect(parser.keepAliveHintMs).toBe(ms);
  });
});

describe("ResponseParser beside Node's parser", () => {
  /** Sends its text for each connection, and ends it. */
  let text = "";
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(text, "latin1"));
  });
  const port = new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  afterAll(() => server.close());

  /** What Node's client makes of the text: status and content; null when it refuses. */
  async function readByNode(): Promise<{ status: number; content: string } | null> {
    const at = await port;
    return await new Promise((resolve) => {
      const request = get({ host: "127.0.0.1", port: at, agent: false }, (response) => {
        let content = "";
        response.setEncoding("latin1");
        response.on("data", (piece: string) => {
          content += piece;
        });
        response.on("error", () => resolve(null));
        response.on("close", () =>
          resolve(response.complete ? { status: response.statusCode ?? 0, content } : null),
        );
      });
      request.on("error", () => resolve(null));
    });
  }

  it("accepts nothing that Node refuses, and reads the same in the rest", async () => {
    const seeds = VALID.filter(({ form }) => form === undefined).map((each) => each.text);
    const mutated = fc
      .tuple(
        fc.constantFrom(...seeds),
        fc.array(
          fc.tuple(
            fc.nat(400),
            fc.constantFrom("", "\r", "\n", "\0", " ", ":", "0", "9", "a", ";", "\r\n", ","),
          ),
          {
            maxLength: 3,
          },
        ),
      )
      .map(([seed, changes]) => {
        let changed = seed;
        for (const [place, piece] of changes) {
          const at = place % (changed.length + 1);
          changed = changed.slice(0, at) + piece + changed.slice(at + (place % 2));
        }
        return changed;
      });
    await fc.assert(
      fc.asyncProperty(mutated, async (changed) => {
        text = changed;
        let own: { status: number; content: string } | null = null;
        try {
          const { found, complete } = parse(changed);
          const head = found.find(([kind]) => kind === "head" || kind === "whole");
          const content = found.find(([kind]) => kind === "content")?.[1] ?? "";
          if (complete && head !== undefined) own = { status: Number(head[1]), content: String(content) };
        } catch {
          own = null;
        }
        if (own === null) return;
        expect(await readByNode()).toEqual(own);
      }),
      { numRuns: 500 },
    );
  });
});
