/**
 * A case of HTTP/2 by its number in h2spec, as data: the frames that a client sends, and what the server must do.
 * The numbers and what is accepted are those of h2spec 2.6: https://github.com/summerwind/h2spec
 */
import { FLAG, FRAME, frame } from "../http2-bytes.ts";
import type { Http2Expectation } from "../http2-expectation.ts";

/** Bytes to send, or what to wait for. */
export type Http2Step = Buffer | Http2Expectation;

export interface Http2Case {
  /** Such as `http2/5.1.2/1`: specification, section, and number in it. */
  readonly number: string;
  readonly title: string;
  /** Performed in order, after the handshake. */
  readonly steps: readonly Http2Step[];
  /** True where the client does not begin with the preface and its settings. */
  readonly isRaw?: boolean;
  /** Requests that reach the service; any number unless given. */
  readonly requests?: number;
  /** A difference from h2spec: what the server does in place of the last step, and why that is right or harmless. */
  readonly difference?: { readonly instead: Http2Expectation; readonly why: string };
}

/** Why errors of PRIORITY have no effect. */
export const NO_PRIORITIES =
  "nghttp2 ignores PRIORITY frames since 1.65: RFC 9113 §5.3.2 deprecates them, and they have no effect.";

/** An integer of HPACK (RFC 7541 §5.1). @param first the bits of its first byte above the prefix */
export function hpackInteger(first: number, prefixBits: number, value: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A field line of HPACK that is not indexed (RFC 7541 §6.2.2). */
export function field(name: string, value: string): Buffer {
  const text = (raw: string) => Buffer.concat([hpackInteger(0, 7, raw.length), Buffer.from(raw, "latin1")]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** A field with a value of 4000 bytes. */
export const long = (index = 0): Buffer => field(`x-dummy${index}`, "x".repeat(4000));

export const METHOD = { get: field(":method", "GET"), post: field(":method", "POST") };
export const SCHEME = field(":scheme", "http");
export const PATH = field(":path", "/");
export const AUTHORITY = field(":authority", "shop");
const REST = Buffer.concat([SCHEME, PATH, AUTHORITY]);

/** The head of a GET, and of a POST. */
export const GET = Buffer.concat([METHOD.get, REST]);
export const POST = Buffer.concat([METHOD.post, REST]);
export const HEAD = Buffer.concat([field(":method", "HEAD"), REST]);

export const { endStream: END_STREAM, endHeaders: END_HEADERS } = FLAG;
/** Flags of a head that is the whole request, and of one that content follows. */
export const WHOLE = END_STREAM | END_HEADERS;
export const TEST = Buffer.from("test");

export const headers = (block: Uint8Array, flags: number = WHOLE, stream = 1): Buffer =>
  frame(FRAME.headers, flags, stream, block);

export const data = (content: Uint8Array, flags: number = END_STREAM, stream = 1): Buffer =>
  frame(FRAME.data, flags, stream, content);

export const continuation = (block: Uint8Array, flags: number = END_HEADERS, stream = 1): Buffer =>
  frame(FRAME.continuation, flags, stream, block);

/** @param settings pairs of an identifier and a value */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [index, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

/** @param weight as on the wire: the weight less one */
export const priority = (
  stream: number,
  { on = 0, isExclusive = false, weight = 255 }: { on?: number; isExclusive?: boolean; weight?: number } = {},
): Buffer => frame(FRAME.priority, 0, stream, prioritised(on, weight, isExclusive));

/** The payload of PRIORITY, which HEADERS with that flag begin with. */
export const prioritised = (on: number, weight: number, isExclusive = false): Buffer =>
  Buffer.concat([uint32(isExclusive ? on + 2 ** 31 : on), Buffer.from([weight])]);

export const reset = (stream: number, code = 8): Buffer => frame(FRAME.reset, 0, stream, uint32(code));

export const windowUpdate = (stream: number, increment: number): Buffer =>
  frame(FRAME.windowUpdate, 0, stream, uint32(increment));

export const goaway = (code: number): Buffer => frame(FRAME.goaway, 0, 0, uint32(0, code));

const PING = Buffer.alloc(8);

export const ping = (payload: Buffer = PING, flags = 0, stream = 0): Buffer =>
  frame(FRAME.ping, flags, stream, payload);

export const pong = (payload: Buffer = PING): Http2Expectation => ({ event: "ping", payload });
export const pongOrClosed: Http2Expectation = { event: "ping", payload: PING, orClosed: true };
