/** Requests of HTTP/2 that are malformed, as header blocks. */
import { frame } from "../traffic/http2-frames.ts";

/** A field line of HPACK, without indexing. */
export const headerLine = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, "latin1"),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1"),
  ]);

/** The header block of a request, with the pseudo-fields that a test changes; null leaves one out. */
function headOf(changes: Readonly<Record<string, string | null>> = {}): Buffer {
  const pseudo = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "a", ...changes };
  const lines = Object.entries(pseudo).map(([name, value]) =>
    value === null ? [] : [headerLine(name, value)],
  );
  return Buffer.concat(lines.flat());
}

/** The head of a good request. */
export const GOOD_HEAD = headOf();

/** What a client sends first: its preface, and settings without any. */
export const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0)]);

export interface BadHttp2Request {
  readonly title: string;
  readonly block: Buffer;
  /** Whether the library leaves the malformed field out, so that the target gets the rest; else PROTOCOL_ERROR is due. */
  readonly isDropped: boolean;
}

const withLine = (name: string, value: string): Buffer => Buffer.concat([GOOD_HEAD, headerLine(name, value)]);
const BLOCKS: Readonly<Record<string, Buffer>> = {
  "a host that differs from the authority": withLine("host", "b"),
  "a name in upper case": withLine("X-Upper", "1"),
  "a field of one connection": withLine("connection", "close"),
  "keep-alive": withLine("keep-alive", "timeout=5"),
  "proxy-connection": withLine("proxy-connection", "close"),
  "an upgrade": withLine("upgrade", "websocket"),
  "a transfer coding": withLine("transfer-encoding", "chunked"),
  "TE other than trailers": withLine("te", "gzip"),
  "two lengths": Buffer.concat([
    GOOD_HEAD,
    headerLine("content-length", "1"),
    headerLine("content-length", "2"),
  ]),
  "a length that is no number": withLine("content-length", "+1"),
  "a length without content": withLine("content-length", "1"),
  "a pseudo-field behind a field": Buffer.concat([
    GOOD_HEAD,
    headerLine("x", "1"),
    headerLine(":path", "/b"),
  ]),
  "two paths": withLine(":path", "/b"),
  "two authorities": withLine(":authority", "b"),
  "an unknown pseudo-field": withLine(":x", "1"),
  "a status": withLine(":status", "200"),
  "no path": headOf({ ":path": null }),
  "no scheme": headOf({ ":scheme": null }),
  "no method": headOf({ ":method": null }),
  "an empty path": headOf({ ":path": "" }),
  "a path without a slash": headOf({ ":path": "a" }),
  "a fragment": headOf({ ":path": "/#a" }),
  "a blank in the path": headOf({ ":path": "/a b" }),
  "a request in the path": headOf({ ":path": "/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled" }),
  "a request in the method": headOf({ ":method": "GET /smuggled HTTP/1.1\r\nx:" }),
  "a request in the scheme": headOf({ ":scheme": "http://a/ HTTP/1.1\r\nx: y" }),
  "another scheme": headOf({ ":scheme": "ftp" }),
  "an authority with a user": headOf({ ":authority": "u@a" }),
  "an authority of two hosts": headOf({ ":authority": "a, b" }),
  "a request in the authority": headOf({ ":authority": "a\r\n\r\nGET /smuggled" }),
};

/** nghttp2 leaves fields out whose bytes no name or value may have (1.70, November 2026). All begin with `x` or are empty. */
const DROPPED: Readonly<Record<string, Buffer>> = {
  "a line feed in a value": withLine("x", "a\nb: c"),
  "a carriage return in a value": withLine("x", "a\r\n\r\nGET /smuggled HTTP/1.1"),
  "a NUL in a value": withLine("x", "a\0b"),
  "a colon in a name": withLine("x:y", "1"),
  "a blank in a name": withLine("x y", "1"),
  "a line feed in a name": withLine("x\ny", "1"),
  "an empty name": withLine("", "1"),
};

const rows = (blocks: Readonly<Record<string, Buffer>>, isDropped: boolean): BadHttp2Request[] =>
  Object.entries(blocks).map(([title, block]) => ({ title, block, isDropped }));

export const BAD_HTTP2_REQUESTS: readonly BadHttp2Request[] = [
  ...rows(BLOCKS, false),
  ...rows(DROPPED, true),
];
