/** h2spec's cases of requests: RFC 9113 §8. No malformed request reaches the service. */
import { FRAME, frame } from "../http2-bytes.ts";
import { connectionError, streamError } from "../http2-expectation.ts";
import {
  AUTHORITY,
  data,
  END_HEADERS,
  field,
  GET,
  type Http2Case,
  headers,
  METHOD,
  PATH,
  POST,
  SCHEME,
  TEST,
  uint32,
} from "./http2-case.ts";

/** A request whose head is malformed. */
const malformed = (number: string, title: string, ...block: readonly Buffer[]): Http2Case => ({
  number: `http2/8.1.2${number}`,
  title: `Sends a HEADERS frame ${title}`,
  steps: [headers(Buffer.concat(block)), streamError("PROTOCOL_ERROR")],
  requests: 0,
});

/** A request whose frames after the head make it malformed. It may have reached the service by then. */
const malformedLater = (
  number: string,
  title: string,
  head: Buffer,
  ...rest: readonly Buffer[]
): Http2Case => ({
  number: `http2/8.1${number}`,
  title: `Sends a ${title}`,
  steps: [Buffer.concat([headers(head, END_HEADERS), ...rest]), streamError("PROTOCOL_ERROR")],
});

const ONE_BYTE = Buffer.concat([POST, field("content-length", "1")]);

export const MESSAGES: readonly Http2Case[] = [
  malformedLater(
    "/1",
    "second HEADERS frame without the END_STREAM flag",
    POST,
    data(TEST, 0),
    headers(field("x-test", "ok"), END_HEADERS),
  ),
  malformed("/1", "that contains the header field name in uppercase letters", GET, field("X-TEST", "ok")),
  malformed(".1/1", "that contains an unknown pseudo-header field", GET, field(":test", "ok")),
  malformed(
    ".1/2",
    "that contains the pseudo-header field defined for response",
    GET,
    field(":status", "200"),
  ),
  malformedLater(
    ".2.1/3",
    "HEADERS frame that contains a pseudo-header field as trailers",
    POST,
    data(TEST, 0),
    headers(METHOD.post),
  ),
  malformed(
    ".1/4",
    "that contains a pseudo-header field that appears in a header block after a regular header field",
    field("x-test", "ok"),
    GET,
  ),
  malformed(
    ".2/1",
    "that contains the connection-specific header field",
    GET,
    field("connection", "keep-alive"),
  ),
  malformed(
    ".2/2",
    'that contains the TE header field with any value other than "trailers"',
    GET,
    field("trailers", "test"),
    field("te", "trailers, deflate"),
  ),
  malformed(
    ".3/1",
    'with empty ":path" pseudo-header field',
    METHOD.get,
    SCHEME,
    field(":path", ""),
    AUTHORITY,
  ),
  malformed(".3/2", 'that omits ":method" pseudo-header field', SCHEME, PATH, AUTHORITY),
  malformed(".3/3", 'that omits ":scheme" pseudo-header field', METHOD.get, PATH, AUTHORITY),
  malformed(".3/4", 'that omits ":path" pseudo-header field', METHOD.get, SCHEME, AUTHORITY),
  malformed(".3/5", 'with duplicated ":method" pseudo-header field', GET, METHOD.get),
  malformed(".3/6", 'with duplicated ":scheme" pseudo-header field', GET, SCHEME),
  malformed(".3/7", 'with duplicated ":path" pseudo-header field', GET, PATH),
  malformedLater(
    ".2.6/1",
    'HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
    ONE_BYTE,
    data(TEST),
  ),
  malformedLater(
    ".2.6/2",
    'HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length',
    ONE_BYTE,
    data(TEST, 0),
    data(TEST),
  ),
  {
    number: "http2/8.2/1",
    title: "Sends a PUSH_PROMISE frame",
    steps: [
      frame(FRAME.promise, END_HEADERS, 1, Buffer.concat([uint32(3), GET])),
      connectionError("PROTOCOL_ERROR"),
    ],
    requests: 0,
  },
];
