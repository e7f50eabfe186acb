/** h2spec's cases of the connection and of its streams: RFC 9113 §3.4, §4 and §5. */
import { SERVER_LIMITS } from "../../../../connector/http/server/server-limits.ts";
import { FLAG, frame } from "../http2-bytes.ts";
import { PREFACE } from "../http2-client.ts";
import { closed, connectionError, headersOf, nothing, streamEnd, streamError } from "../http2-expectation.ts";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  GET,
  type Http2Case,
  headers,
  long,
  NO_PRIORITIES,
  POST,
  ping,
  pong,
  prioritised,
  priority,
  reset,
  SETTING,
  settings,
  TEST,
  windowUpdate,
} from "./http2-case.ts";

/** The largest frame that a server takes whose settings say nothing else. */
const MAX_FRAME = 16_384;
const UNKNOWN_FRAME = frame(0x16, 0, 0, Buffer.alloc(8));

const FORGOTTEN =
  "nghttp2 forgets a stream when it closes, and ignores its later frames, as RFC 9113 §5.1 allows; RFC 7540 did not.";

/** Sends frames of a stream whose response has ended. */
const afterEnd = (...frames: readonly Buffer[]) => [headers(GET), streamEnd, Buffer.concat(frames)] as const;

export const CONNECTION: readonly Http2Case[] = [
  {
    number: "http2/3.5/1",
    title: "Sends client connection preface",
    isRaw: true,
    steps: [Buffer.concat([PREFACE, settings([SETTING.initialWindowSize, 65_535])]), { event: "settings" }],
  },
  {
    number: "http2/3.5/2",
    title: "Sends invalid connection preface",
    isRaw: true,
    steps: [Buffer.from("INVALID CONNECTION PREFACE\r\n\r\n"), closed],
    requests: 0,
  },
  {
    number: "http2/4.1/1",
    title: "Sends a frame with unknown type",
    steps: [Buffer.concat([UNKNOWN_FRAME, ping()]), pong()],
  },
  {
    number: "http2/4.1/2",
    title: "Sends a frame with undefined flag",
    steps: [ping(Buffer.alloc(8), 0x16), pong()],
  },
  {
    number: "http2/4.1/3",
    title: "Sends a frame with reserved field bit",
    steps: [ping(Buffer.alloc(8), 0x16, 2 ** 31), pong()],
  },
  {
    number: "http2/4.2/1",
    title: "Sends a DATA frame with 2^14 octets in length",
    steps: [Buffer.concat([headers(POST, END_HEADERS), data(Buffer.alloc(MAX_FRAME, "x"))]), headersOf(1)],
    requests: 1,
  },
  {
    number: "http2/4.2/2",
    title: "Sends a large size DATA frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
    steps: [
      Buffer.concat([headers(POST, END_HEADERS), data(Buffer.alloc(MAX_FRAME + 1, "x"))]),
      streamError("FRAME_SIZE_ERROR"),
    ],
  },
  {
    number: "http2/4.2/3",
    title: "Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
    steps: [headers(Buffer.concat([GET, ...[0, 1, 2, 3, 4].map(long)])), connectionError("FRAME_SIZE_ERROR")],
    requests: 0,
  },
  {
    number: "http2/4.3/1",
    title: "Sends invalid header block fragment",
    // A literal with incremental indexing that has neither a name nor a value.
    steps: [headers(Buffer.from([0x40])), connectionError("COMPRESSION_ERROR")],
    requests: 0,
  },
  {
    number: "http2/4.3/2",
    title: "Sends a PRIORITY frame while sending the header blocks",
    steps: [
      Buffer.concat([headers(GET, 0), priority(1), continuation(long())]),
      connectionError("PROTOCOL_ERROR"),
    ],
    requests: 0,
  },
  {
    number: "http2/4.3/3",
    title: "Sends a HEADERS frame to another stream while sending the header blocks",
    steps: [
      Buffer.concat([headers(GET, 0), headers(GET, END_STREAM | END_HEADERS, 3), continuation(long())]),
      connectionError("PROTOCOL_ERROR"),
    ],
    requests: 0,
  },
  {
    number: "http2/5.1/1",
    title: "idle: Sends a DATA frame",
    steps: [data(TEST), connectionError("PROTOCOL_ERROR")],
  },
  {
    number: "http2/5.1/2",
    title: "idle: Sends a RST_STREAM frame",
    steps: [reset(1), connectionError("PROTOCOL_ERROR")],
  },
  {
    number: "http2/5.1/3",
    title: "idle: Sends a WINDOW_UPDATE frame",
    steps: [windowUpdate(1, 100), connectionError("PROTOCOL_ERROR")],
  },
  {
    number: "http2/5.1/4",
    title: "idle: Sends a CONTINUATION frame",
    steps: [continuation(GET), connectionError("PROTOCOL_ERROR")],
    requests: 0,
  },
  {
    number: "http2/5.1/5",
    title: "half closed (remote): Sends a DATA frame",
    steps: [Buffer.concat([headers(GET), data(TEST)]), streamError("STREAM_CLOSED")],
  },
  {
    number: "http2/5.1/6",
    title: "half closed (remote): Sends a HEADERS frame",
    steps: [Buffer.concat([headers(GET), headers(GET)]), streamError("STREAM_CLOSED")],
  },
  {
    number: "http2/5.1/7",
    title: "half closed (remote): Sends a CONTINUATION frame",
    steps: [Buffer.concat([headers(GET), continuation(GET)]), streamError("STREAM_CLOSED", "PROTOCOL_ERROR")],
  },
  {
    number: "http2/5.1/8",
    title: "closed: Sends a DATA frame after sending RST_STREAM frame",
    steps: [Buffer.concat([headers(GET, END_HEADERS), reset(1), data(TEST)]), streamError("STREAM_CLOSED")],
    difference: {
      instead: nothing,
      why: FORGOTTEN,
    },
  },
  {
    number: "http2/5.1/9",
    title: "closed: Sends a HEADERS frame after sending RST_STREAM frame",
    steps: [Buffer.concat([headers(GET, END_HEADERS), reset(1), headers(GET)]), streamError("STREAM_CLOSED")],
    difference: {
      instead: nothing,
      why: FORGOTTEN,
    },
  },
  {
    number: "http2/5.1/10",
    title: "closed: Sends a CONTINUATION frame after sending RST_STREAM frame",
    steps: [
      Buffer.concat([headers(GET, END_HEADERS), reset(1), continuation(long())]),
      streamError("STREAM_CLOSED", "PROTOCOL_ERROR"),
    ],
  },
  {
    number: "http2/5.1/11",
    title: "closed: Sends a DATA frame",
    steps: [...afterEnd(data(TEST)), streamError("STREAM_CLOSED")],
    requests: 1,
    difference: {
      instead: nothing,
      why: FORGOTTEN,
    },
  },
  {
    number: "http2/5.1/12",
    title: "closed: Sends a HEADERS frame",
    steps: [...afterEnd(headers(GET)), connectionError("STREAM_CLOSED")],
    requests: 1,
    difference: {
      instead: nothing,
      why: FORGOTTEN,
    },
  },
  {
    number: "http2/5.1/13",
    title: "closed: Sends a CONTINUATION frame",
    steps: [...afterEnd(continuation(long())), connectionError("STREAM_CLOSED", "PROTOCOL_ERROR")],
    requests: 1,
  },
  {
    number: "http2/5.1.1/1",
    title: "Sends even-numbered stream identifier",
    steps: [headers(GET, END_STREAM | END_HEADERS, 2), connectionError("PROTOCOL_ERROR")],
    requests: 0,
  },
  {
    number: "http2/5.1.1/2",
    title: "Sends stream identifier that is numerically smaller than previous",
    steps: [
      Buffer.concat([headers(GET, END_STREAM | END_HEADERS, 5), headers(GET, END_STREAM | END_HEADERS, 3)]),
      connectionError("PROTOCOL_ERROR"),
    ],
    requests: 1,
    difference: {
      instead: nothing,
      why: FORGOTTEN,
    },
  },
  {
    number: "http2/5.1.1/3",
    title: "Sends a HEADERS frame with the stream which is in half-closed (remote) state",
    steps: [
      Buffer.concat([headers(GET, END_STREAM | END_HEADERS, 5), headers(GET, END_STREAM | END_HEADERS, 5)]),
      streamError("STREAM_CLOSED"),
    ],
  },
  {
    number: "http2/5.1.2/1",
    title: "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
    steps: [
      Buffer.concat([
        settings([SETTING.initialWindowSize, 0]),
        ...Array.from({ length: SERVER_LIMITS.streams + 1 }, (_, index) =>
          headers(GET, END_STREAM | END_HEADERS, 2 * index + 1),
        ),
      ]),
      streamError("PROTOCOL_ERROR", "REFUSED_STREAM"),
    ],
    requests: SERVER_LIMITS.streams,
  },
  {
    number: "http2/5.3.1/1",
    title: "Sends HEADERS frame that depends on itself",
    steps: [
      headers(Buffer.concat([prioritised(1, 255), GET]), END_STREAM | END_HEADERS | FLAG.priority),
      streamError("PROTOCOL_ERROR"),
    ],
  },
  {
    number: "http2/5.3.1/2",
    title: "Sends PRIORITY frame that depend on itself",
    steps: [priority(1, { on: 1 }), streamError("PROTOCOL_ERROR")],
    difference: {
      instead: nothing,
      why: NO_PRIORITIES,
    },
  },
  {
    number: "http2/5.4.1/1",
    title: "Sends an invalid PING frame for connection close",
    steps: [ping(Buffer.alloc(8), 0, 3), closed],
  },
  {
    number: "http2/5.4.1/2",
    title: "Sends an invalid PING frame to receive GOAWAY frame",
    steps: [ping(Buffer.alloc(8), 0, 3), { event: "goaway", code: "PROTOCOL_ERROR" }],
  },
  {
    number: "http2/5.5/1",
    title: "Sends an unknown extension frame",
    steps: [Buffer.concat([UNKNOWN_FRAME, ping()]), pong()],
  },
  {
    number: "http2/5.5/2",
    title: "Sends an unknown extension frame in the middle of a header block",
    steps: [Buffer.concat([headers(GET, END_STREAM), UNKNOWN_FRAME]), connectionError("PROTOCOL_ERROR")],
    requests: 0,
  },
];
