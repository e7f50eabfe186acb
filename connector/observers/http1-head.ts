/** Parses the heads of HTTP/1.1 messages (RFC 9112) as far as an observer needs them. */
import { METHODS as NODE_METHODS } from "node:http";
import { authorityOf, pathOf } from "../relay/request-report.ts";
import { endOfPath, latin1 } from "./latin1.ts";
import { ObservationError } from "./observation-error.ts";

/** Most bytes of a head. */
export const MAX_HEAD = 32 * 1024;

/** The methods that Node knows. A connection with another method is not observed. */
export const METHODS: ReadonlyMap<string, string> = new Map(NODE_METHODS.map((method) => [method, method]));

/** How the body of a message ends: after a number of bytes, after its last chunk, or with the connection. */
export type BodyLength = number | "chunked" | "close";

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly authority: string | null;
  readonly length: BodyLength;
  /** Whether the connection may become another protocol, if the target agrees. */
  readonly mayUpgrade: boolean;
}

export interface ResponseHead {
  readonly status: number;
  /** The length that its fields give the body. Some responses have no body whatever the fields say. */
  readonly length: BodyLength;
}

/** The fields of a head that matter here. */
interface Fields {
  length: number | null;
  isChunked: boolean;
  hasCoding: boolean;
  hasUpgrade: boolean;
  authority: string | null;
}

/**
 * Parses the head of a request, which ends with an empty line at `end`.
 * @throws ObservationError for a head that is not valid, or whose body could end in two places.
 */
export function parseRequestHead(bytes: Buffer, start: number, end: number): RequestHead {
  const text = bytes.toString("latin1", start, end);
  const line = text.indexOf("\r\n");
  const space = text.indexOf(" ");
  const second = line - " HTTP/1.1".length;
  const method = METHODS.get(text.slice(0, space));
  if (
    method === undefined ||
    second <= space ||
    !text.startsWith(" HTTP/1.", second) ||
    !isDigit(text, line - 1)
  ) {
    throw new ObservationError("A request line is not valid.");
  }
  const target = start + space + 1;
  checkTarget(bytes, target, start + second);
  const fields = parseFields(bytes, start, text, line + 2);
  const { isChunked, hasCoding, length, hasUpgrade } = fields;
  if (hasCoding && (!isChunked || length !== null)) throw new ObservationError("A body has two lengths.");
  const isConnect = method === "CONNECT";
  const path = isConnect ? "" : pathOf(latin1(bytes, target, endOfPath(bytes, target, start + second)));
  const authority = isConnect ? authorityOf(latin1(bytes, target, start + second)) : fields.authority;
  return {
    method,
    path,
    authority,
    length: isChunked ? "chunked" : (length ?? 0),
    mayUpgrade: hasUpgrade || isConnect,
  };
}

/** Parses the head of a response. @throws ObservationError as {@link parseRequestHead}. */
export function parseResponseHead(bytes: Buffer, start: number, end: number): ResponseHead {
  const text = bytes.toString("latin1", start, end);
  const line = text.indexOf("\r\n");
  const isLine =
    text.startsWith("HTTP/1.") &&
    isDigit(text, 7) &&
    text.charCodeAt(8) === SPACE &&
    isDigit(text, 9) &&
    isDigit(text, 10) &&
    isDigit(text, 11) &&
    (line === 12 || text.charCodeAt(12) === SPACE);
  if (!isLine) throw new ObservationError("A status line is not valid.");
  const { isChunked, hasCoding, length } = parseFields(bytes, start, text, line + 2);
  if (hasCoding && length !== null) throw new ObservationError("A body has two lengths.");
  const status = Number(text.slice(9, 12));
  if (status < 100) throw new ObservationError("A status is not valid.");
  return { status, length: isChunked ? "chunked" : hasCoding ? "close" : (length ?? "close") };
}

const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const DELETE = 0x7f;

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

/** A target has neither spaces nor control characters, which would also end up in logs. */
function checkTarget(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte <= SPACE || byte === DELETE) throw new ObservationError("A request target is not valid.");
  }
}

function parseFields(bytes: Buffer, start: number, text: string, from: number): Fields {
  const fields: Fields = {
    length: null,
    isChunked: false,
    hasCoding: false,
    hasUpgrade: false,
    authority: null,
  };
  let at = from;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end === at) return fields;
    const first = text.charCodeAt(at);
    if (end < 0 || first === SPACE || first === TAB || first === COLON) {
      throw new ObservationError("A header field is not valid.");
    }
    switch (first | 0x20) {
      case 0x63: // c
        if (isField(text, at, "content-length")) readLength(fields, text.slice(at + 15, end));
        break;
      case 0x74: // t
        if (isField(text, at, "transfer-encoding")) readCoding(fields, text.slice(at + 18, end));
        break;
      case 0x75: // u
        if (isField(text, at, "upgrade")) fields.hasUpgrade = true;
        break;
      case 0x68: // h
        if (isField(text, at, "host"))
          fields.authority ??= authorityOf(latin1(bytes, start + at + 5, start + end).trim());
        break;
    }
    at = end + 2;
  }
}

function isField(text: string, at: number, name: string): boolean {
  if (text.charCodeAt(at + name.length) !== COLON) return false;
  for (let offset = 0; offset < name.length; offset++) {
    if ((text.charCodeAt(at + offset) | 0x20) !== (name.charCodeAt(offset) | 0x20)) return false;
  }
  return true;
}

function readLength(fields: Fields, value: string): void {
  const digits = /^[ \t]*(\d{1,15})[ \t]*$/.exec(value)?.[1];
  if (digits === undefined || fields.length !== null)
    throw new ObservationError("A content length is not valid.");
  fields.length = Number(digits);
}

/** The last coding decides: a body whose last coding is not "chunked" ends with the connection. */
function readCoding(fields: Fields, value: string): void {
  if (fields.isChunked) throw new ObservationError("A transfer coding follows chunked.");
  fields.hasCoding = true;
  fields.isChunked = /(?:^|,)[ \t]*chunked[ \t]*$/i.test(value);
}
