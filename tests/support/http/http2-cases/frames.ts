/** h2spec's cases of each type of frame and of error codes: RFC 9113 §6 and §7. */
import { FLAG, FRAME, frame } from "../http2-bytes.ts";
import {
  closed,
  connectionError,
  dataOf,
  headersOf,
  nothing,
  settingsAck,
  streamError,
} from "../http2-expectation.ts";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  field,
  GET,
  goaway,
  type Http2Case,
  headers,
  long,
  NO_PRIORITIES,
  POST,
  ping,
  pong,
  priority,
  reset,
  SETTING,
  settings,
  TEST,
  uint32,
  WHOLE,
  windowUpdate,
} from "./http2-case.ts";

const PROTOCOL_ERROR = connectionError("PROTOCOL_ERROR");
const FRAME_SIZE_ERROR = connectionError("FRAME_SIZE_ERROR");
const H2SPEC = Buffer.from("h2spec\0\0", "latin1");
const MAX_WINDOW = 2 ** 31 - 1;
const window = (size: number) => settings([SETTING.initialWindowSize, size]);

export const FRAMES: readonly Http2Case[] = [
  {
    number: "http2/6.1/1",
    title: "Sends a DATA frame with 0x0 stream identifier",
    steps: [data(TEST, END_STREAM, 0), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.1/2",
    title: 'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state',
    steps: [Buffer.concat([headers(POST), data(TEST)]), streamError("STREAM_CLOSED")],
  },
  {
    number: "http2/6.1/3",
    title: "Sends a DATA frame with invalid pad length",
    steps: [
      Buffer.concat([
        headers(Buffer.concat([POST, field("content-length", "4")]), END_HEADERS),
        data(Buffer.from("\x06Test"), END_STREAM | FLAG.padded),
      ]),
      PROTOCOL_ERROR,
    ],
  },
  {
    number: "http2/6.2/1",
    title: "Sends a HEADERS frame without the END_HEADERS flag, and a PRIORITY frame",
    steps: [Buffer.concat([headers(GET, 0), priority(1), continuation(long())]), PROTOCOL_ERROR],
    requests: 0,
  },
  {
    number: "http2/6.2/2",
    title: "Sends a HEADERS frame to another stream while sending a HEADERS frame",
    steps: [Buffer.concat([headers(GET, 0), headers(GET, WHOLE, 3), continuation(long())]), PROTOCOL_ERROR],
    requests: 0,
  },
  {
    number: "http2/6.2/3",
    title: "Sends a HEADERS frame with 0x0 stream identifier",
    steps: [headers(GET, WHOLE, 0), PROTOCOL_ERROR],
    requests: 0,
  },
  {
    number: "http2/6.2/4",
    title: "Sends a HEADERS frame with invalid pad length",
    steps: [
      headers(Buffer.concat([Buffer.from([GET.length + 2]), GET]), WHOLE | FLAG.padded),
      streamError("PROTOCOL_ERROR"),
    ],
    requests: 0,
  },
  {
    number: "http2/6.3/1",
    title: "Sends a PRIORITY frame with 0x0 stream identifier",
    steps: [priority(0), PROTOCOL_ERROR],
    difference: {
      instead: nothing,
      why: NO_PRIORITIES,
    },
  },
  {
    number: "http2/6.3/2",
    title: "Sends a PRIORITY frame with a length other than 5 octets",
    steps: [
      Buffer.concat([headers(GET), frame(FRAME.priority, 0, 1, uint32(2 ** 31 + 1))]),
      streamError("FRAME_SIZE_ERROR"),
    ],
  },
  {
    number: "http2/6.4/1",
    title: "Sends a RST_STREAM frame with 0x0 stream identifier",
    steps: [reset(0), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.4/2",
    title: "Sends a RST_STREAM frame on a idle stream",
    steps: [reset(1), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.4/3",
    title: "Sends a RST_STREAM frame with a length other than 4 octets",
    steps: [Buffer.concat([headers(GET), frame(FRAME.reset, 0, 1, Buffer.alloc(3))]), FRAME_SIZE_ERROR],
  },
  {
    number: "http2/6.5/1",
    title: "Sends a SETTINGS frame with ACK flag and payload",
    steps: [frame(FRAME.settings, 1, 0, Buffer.alloc(1)), FRAME_SIZE_ERROR],
  },
  {
    number: "http2/6.5/2",
    title: "Sends a SETTINGS frame with a stream identifier other than 0x0",
    steps: [frame(FRAME.settings, 0, 1, Buffer.from([0, 3, 0, 0, 0, 0x64])), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.5/3",
    title: "Sends a SETTINGS frame with a length other than a multiple of 6 octets",
    steps: [frame(FRAME.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 0x64, 0, 2])), FRAME_SIZE_ERROR],
  },
  {
    number: "http2/6.5.2/1",
    title: "SETTINGS_ENABLE_PUSH (0x2): Sends the value other than 0 or 1",
    steps: [settings([SETTING.enablePush, 2]), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.5.2/2",
    title: "SETTINGS_INITIAL_WINDOW_SIZE (0x4): Sends the value above the maximum flow control window size",
    steps: [window(MAX_WINDOW + 1), connectionError("FLOW_CONTROL_ERROR")],
  },
  {
    number: "http2/6.5.2/3",
    title: "SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value below the initial value",
    steps: [settings([SETTING.maxFrameSize, 2 ** 14 - 1]), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.5.2/4",
    title: "SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value above the maximum allowed frame size",
    steps: [settings([SETTING.maxFrameSize, 2 ** 24]), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.5.2/5",
    title: "Sends a SETTINGS frame with unknown identifier",
    steps: [Buffer.concat([settings([0xff, 1]), ping()]), pong()],
  },
  {
    number: "http2/6.5.3/1",
    title: "Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
    steps: [
      settings([SETTING.initialWindowSize, 100], [SETTING.initialWindowSize, 1]),
      settingsAck,
      headers(GET),
      dataOf(1),
    ],
  },
  {
    number: "http2/6.5.3/2",
    title: "Sends a SETTINGS frame without ACK flag",
    steps: [settings([SETTING.enablePush, 0]), settingsAck],
  },
  {
    number: "http2/6.7/1",
    title: "Sends a PING frame",
    steps: [ping(H2SPEC), pong(H2SPEC)],
  },
  {
    number: "http2/6.7/2",
    title: "Sends a PING frame with ACK",
    steps: [Buffer.concat([ping(Buffer.from("invalid\0"), 1), ping(H2SPEC)]), pong(H2SPEC)],
    difference: {
      instead: closed,
      why: "Node ends a connection on which a PING is acknowledged that nobody sent. RFC 9113 does not ask for it.",
    },
  },
  {
    number: "http2/6.7/3",
    title: "Sends a PING frame with a stream identifier field value other than 0x0",
    steps: [ping(Buffer.alloc(8), 0, 1), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.7/4",
    title: "Sends a PING frame with a length field value other than 8",
    steps: [ping(Buffer.alloc(6)), FRAME_SIZE_ERROR],
  },
  {
    number: "http2/6.8/1",
    title: "Sends a GOAWAY frame with a stream identifier other than 0x0",
    steps: [frame(FRAME.goaway, 0, 1, Buffer.alloc(8)), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.9/1",
    title: "Sends a WINDOW_UPDATE frame with a flow control window increment of 0",
    steps: [windowUpdate(0, 0), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.9/2",
    title: "Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream",
    steps: [Buffer.concat([headers(GET, END_HEADERS), windowUpdate(1, 0)]), streamError("PROTOCOL_ERROR")],
  },
  {
    number: "http2/6.9/3",
    title: "Sends a WINDOW_UPDATE frame with a length other than 4 octets",
    steps: [frame(FRAME.windowUpdate, 0, 0, Buffer.from([0, 0, 1])), FRAME_SIZE_ERROR],
  },
  {
    number: "http2/6.9.1/1",
    title: "Sends SETTINGS frame to set the initial window size to 1 and sends HEADERS frame",
    steps: [window(1), settingsAck, headers(GET), dataOf(1)],
  },
  {
    number: "http2/6.9.1/2",
    title: "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1",
    steps: [
      Buffer.concat([windowUpdate(0, MAX_WINDOW), windowUpdate(0, MAX_WINDOW)]),
      { event: "goaway", code: "FLOW_CONTROL_ERROR" },
    ],
  },
  {
    number: "http2/6.9.1/3",
    title:
      "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
    steps: [
      Buffer.concat([headers(GET, END_HEADERS), windowUpdate(1, MAX_WINDOW), windowUpdate(1, MAX_WINDOW)]),
      { event: "reset", stream: 1, code: "FLOW_CONTROL_ERROR" },
    ],
    difference: {
      instead: { event: "goaway", code: "FLOW_CONTROL_ERROR" },
      why: "nghttp2 ends the connection. RFC 9113 §5.4.1 lets an endpoint treat an error of a stream as one of the connection.",
    },
  },
  {
    number: "http2/6.9.2/1",
    title: "Changes SETTINGS_INITIAL_WINDOW_SIZE after sending HEADERS frame",
    steps: [window(0), settingsAck, Buffer.concat([headers(GET), window(1)]), settingsAck, dataOf(1)],
  },
  {
    number: "http2/6.9.2/2",
    title: "Sends a SETTINGS frame for window size to be negative",
    steps: [
      ...[window(3), settingsAck, headers(GET), dataOf(3)],
      ...[window(2), settingsAck, windowUpdate(1, 2), dataOf(1)],
    ],
  },
  {
    number: "http2/6.9.2/3",
    title: "Sends a SETTINGS_INITIAL_WINDOW_SIZE settings with an exceeded maximum window size value",
    steps: [window(MAX_WINDOW + 1), connectionError("FLOW_CONTROL_ERROR")],
  },
  {
    number: "http2/6.10/1",
    title: "Sends multiple CONTINUATION frames preceded by a HEADERS frame",
    steps: [
      Buffer.concat([headers(GET, END_STREAM), continuation(long(), 0), continuation(long())]),
      headersOf(1),
    ],
    requests: 1,
  },
  {
    number: "http2/6.10/2",
    title: "Sends a CONTINUATION frame followed by any frame other than CONTINUATION",
    steps: [Buffer.concat([headers(POST, 0), continuation(long(), 0), data(TEST)]), PROTOCOL_ERROR],
    requests: 0,
  },
  {
    number: "http2/6.10/3",
    title: "Sends a CONTINUATION frame with 0x0 stream identifier",
    steps: [Buffer.concat([headers(GET, END_STREAM), continuation(long(), END_HEADERS, 0)]), PROTOCOL_ERROR],
    requests: 0,
  },
  {
    number: "http2/6.10/4",
    title: "Sends a CONTINUATION frame preceded by a HEADERS frame with END_HEADERS flag",
    steps: [Buffer.concat([headers(GET), continuation(long())]), PROTOCOL_ERROR],
  },
  {
    number: "http2/6.10/5",
    title: "Sends a CONTINUATION frame preceded by a CONTINUATION frame with END_HEADERS flag",
    steps: [
      Buffer.concat([headers(GET, END_STREAM), continuation(long()), continuation(long())]),
      PROTOCOL_ERROR,
    ],
  },
  {
    number: "http2/6.10/6",
    title: "Sends a CONTINUATION frame preceded by a DATA frame",
    steps: [
      Buffer.concat([
        headers(POST, 0),
        data(TEST),
        continuation(long(), 0),
        continuation(long(), END_HEADERS, 0),
      ]),
      PROTOCOL_ERROR,
    ],
    requests: 0,
  },
  {
    number: "http2/7/1",
    title: "Sends a GOAWAY frame with unknown error code",
    steps: [goaway(0xff), closed],
  },
  {
    number: "http2/7/2",
    title: "Sends a RST_STREAM frame with unknown error code",
    steps: [Buffer.concat([headers(POST, END_HEADERS), reset(1, 0xff), ping()]), pong()],
  },
];
