/** h2spec's generic cases: what every server does for well-formed frames. */
import { FLAG, FRAME, frame } from "../http2-bytes.ts";
import { PREFACE } from "../http2-client.ts";
import { closed, dataOf, headersOf, settingsAck, streamEnd } from "../http2-expectation.ts";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  field,
  GET,
  HEAD,
  type Http2Case,
  headers,
  POST,
  ping,
  pong,
  pongOrClosed,
  prioritised,
  priority,
  reset,
  SETTING,
  settings,
  TEST,
  windowUpdate,
} from "./http2-case.ts";

const H2SPEC = Buffer.from("h2spec\0\0", "latin1");
const NO_WINDOW = settings([SETTING.initialWindowSize, 0]);

/** A representation of HPACK behind a whole head. */
const represented = (number: string, title: string, bytes: string): Http2Case => ({
  number: `generic/5/${number}`,
  title: `Sends ${title}`,
  steps: [headers(Buffer.concat([GET, Buffer.from(bytes, "latin1")])), headersOf(1)],
  requests: 1,
});

/** Literal strings, and the same with Huffman coding. `user-agent` is the entry 58 of the static table. */
const VALUE = "\x06h2spec";
const VALUE_HUFFMAN = "\x84\x9c\x48\xac\xa4";
const X_TEST = `\x06x-test${VALUE}`;
const X_TEST_HUFFMAN = `\x85\xf2\xb2\x4a\x84\xff${VALUE_HUFFMAN}`;

export const GENERIC: readonly Http2Case[] = [
  {
    number: "generic/1/1",
    title: "Sends a client connection preface",
    isRaw: true,
    steps: [Buffer.concat([PREFACE, settings([SETTING.initialWindowSize, 65_535])]), { event: "settings" }],
  },
  {
    number: "generic/2/1",
    title: "Sends a PRIORITY frame on idle stream",
    steps: [priority(1), ping(), pong()],
  },
  {
    number: "generic/2/2",
    title: "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
    steps: [Buffer.concat([NO_WINDOW, headers(GET), windowUpdate(1, 1)]), dataOf()],
  },
  {
    number: "generic/2/3",
    title: "Sends a PRIORITY frame on half-closed (remote) stream",
    steps: [Buffer.concat([NO_WINDOW, headers(GET), priority(1), windowUpdate(1, 1)]), dataOf()],
  },
  {
    number: "generic/2/4",
    title: "Sends a RST_STREAM frame on half-closed (remote) stream",
    steps: [Buffer.concat([headers(GET), reset(1), ping()]), pongOrClosed],
  },
  {
    number: "generic/2/5",
    title: "Sends a PRIORITY frame on closed stream",
    steps: [headers(GET), streamEnd, Buffer.concat([priority(1), ping()]), pong()],
  },
  {
    number: "generic/3.1/1",
    title: "Sends a DATA frame",
    steps: [Buffer.concat([headers(POST, END_HEADERS), data(TEST)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.1/2",
    title: "Sends multiple DATA frames",
    steps: [Buffer.concat([headers(POST, END_HEADERS), data(TEST, 0), data(TEST)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.1/3",
    title: "Sends a DATA frame with padding",
    steps: [
      Buffer.concat([
        headers(POST, END_HEADERS),
        data(Buffer.from("\x06test\0\0\0\0\0\0", "latin1"), END_STREAM | FLAG.padded),
      ]),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "generic/3.2/1",
    title: "Sends a HEADERS frame",
    steps: [headers(GET), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.2/2",
    title: "Sends a HEADERS frame with padding",
    steps: [
      headers(
        Buffer.concat([Buffer.from([8]), GET, Buffer.alloc(8)]),
        END_STREAM | END_HEADERS | FLAG.padded,
      ),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "generic/3.2/3",
    title: "Sends a HEADERS frame with priority",
    steps: [
      headers(Buffer.concat([prioritised(0, 255), GET]), END_STREAM | END_HEADERS | FLAG.priority),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "generic/3.3/1",
    title: "Sends a PRIORITY frame with priority 1",
    steps: [Buffer.concat([priority(1, { weight: 0 }), headers(GET)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.3/2",
    title: "Sends a PRIORITY frame with priority 256",
    steps: [Buffer.concat([priority(1), headers(GET)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.3/3",
    title: "Sends a PRIORITY frame with stream dependency",
    steps: [Buffer.concat([priority(3, { on: 1, weight: 0 }), headers(GET)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.3/4",
    title: "Sends a PRIORITY frame with exclusive",
    steps: [Buffer.concat([priority(1, { isExclusive: true, weight: 0 }), headers(GET)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.3/5",
    title: "Sends a PRIORITY frame for an idle stream, then a HEADERS frame for a lower stream ID",
    steps: [Buffer.concat([priority(3), headers(GET)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.4/1",
    title: "Sends a RST_STREAM frame",
    steps: [Buffer.concat([headers(GET, END_HEADERS), reset(1), ping()]), pongOrClosed],
  },
  {
    number: "generic/3.5/1",
    title: "Sends a SETTINGS frame",
    steps: [
      settings(
        ...([
          [SETTING.headerTableSize, 4096],
          [SETTING.enablePush, 1],
          [SETTING.maxConcurrentStreams, 100],
          [SETTING.initialWindowSize, 65_535],
          [SETTING.maxFrameSize, 16_384],
          [SETTING.maxHeaderListSize, 100],
        ] as const),
      ),
      settingsAck,
    ],
  },
  {
    number: "generic/3.7/1",
    title: "Sends a PING frame",
    steps: [ping(H2SPEC), pong(H2SPEC)],
  },
  {
    number: "generic/3.8/1",
    title: "Sends a GOAWAY frame",
    steps: [frame(FRAME.goaway, 0, 0, Buffer.from("\0\0\0\0\0\0\0\0h2spec", "latin1")), closed],
  },
  {
    number: "generic/3.9/1",
    title: "Sends a WINDOW_UPDATE frame with stream ID 0",
    steps: [Buffer.concat([windowUpdate(0, 1), ping()]), pong()],
  },
  {
    number: "generic/3.9/2",
    title: "Sends a WINDOW_UPDATE frame with stream ID 1",
    steps: [Buffer.concat([headers(GET), windowUpdate(1, 1)]), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/3.10/1",
    title: "Sends a CONTINUATION frame",
    steps: [
      Buffer.concat([headers(GET.subarray(0, 5), END_STREAM), continuation(GET.subarray(5))]),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "generic/3.10/2",
    title: "Sends multiple CONTINUATION frames",
    steps: [
      Buffer.concat([
        headers(GET.subarray(0, 5), END_STREAM),
        continuation(GET.subarray(5, 10), 0),
        continuation(GET.subarray(10)),
      ]),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "generic/4/1",
    title: "Sends a GET request",
    steps: [headers(GET), headersOf(1), streamEnd],
    requests: 1,
  },
  {
    number: "generic/4/2",
    title: "Sends a HEAD request",
    steps: [headers(HEAD), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/4/3",
    title: "Sends a POST request",
    steps: [Buffer.concat([headers(POST, END_HEADERS), data(TEST)]), headersOf(1), streamEnd],
    requests: 1,
  },
  {
    number: "generic/4/4",
    title: "Sends a POST request with trailers",
    steps: [
      Buffer.concat([
        headers(Buffer.concat([POST, field("trailer", "x-test")]), END_HEADERS),
        data(TEST, 0),
        headers(field("x-test", "ok")),
      ]),
      headersOf(1),
      streamEnd,
    ],
    requests: 1,
  },
  represented("1", "an indexed header field representation", "\xba"),
  represented("2", "a literal header field with incremental indexing - indexed name", `\x7a${VALUE}`),
  represented(
    "3",
    "a literal header field with incremental indexing - indexed name (with Huffman coding)",
    `\x7a${VALUE_HUFFMAN}`,
  ),
  represented("4", "a literal header field with incremental indexing - new name", `\x40${X_TEST}`),
  represented(
    "5",
    "a literal header field with incremental indexing - new name (with Huffman coding)",
    `\x40${X_TEST_HUFFMAN}`,
  ),
  represented("6", "a literal header field without indexing - indexed name", `\x0f\x2b${VALUE}`),
  represented(
    "7",
    "a literal header field without indexing - indexed name (with Huffman coding)",
    `\x0f\x2b${VALUE_HUFFMAN}`,
  ),
  represented("8", "a literal header field without indexing - new name", `\0${X_TEST}`),
  represented(
    "9",
    "a literal header field without indexing - new name (with Huffman coding)",
    `\0${X_TEST_HUFFMAN}`,
  ),
  represented("10", "a literal header field never indexed - indexed name", `\x1f\x2b${VALUE}`),
  represented(
    "11",
    "a literal header field never indexed - indexed name (with Huffman coding)",
    `\x1f\x2b${VALUE_HUFFMAN}`,
  ),
  represented("12", "a literal header field never indexed - new name", `\x10${X_TEST}`),
  represented(
    "13",
    "a literal header field never indexed - new name (with Huffman coding)",
    `\x10${X_TEST_HUFFMAN}`,
  ),
  {
    number: "generic/5/14",
    title: "Sends a dynamic table size update",
    steps: [headers(Buffer.concat([Buffer.from([0x20]), GET])), headersOf(1)],
    requests: 1,
  },
  {
    number: "generic/5/15",
    title: "Sends multiple dynamic table size updates",
    steps: [headers(Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), GET])), headersOf(1)],
    requests: 1,
  },
];
