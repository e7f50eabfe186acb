/** Writes the heads and trailers of messages in their binary form (RFC 9292 §3.4 to §3.6). */
import { FairleadError } from "../errors.ts";
import { isBlank, NAME_BYTE, TARGET_BYTE, TOKEN_BYTE, VALUE_BYTE } from "./field-bytes.ts";
import { FRAMING } from "./framing.ts";
import type { Fields, RequestHead } from "./head.ts";
import { MAX_CONTROL_BYTES, MAX_FIELDS, MAX_HEAD_BYTES } from "./limits.ts";
import { varintLength, writeVarint } from "./varint.ts";

/** Heads are written one behind the other into blocks of this size, which saves an allocation for each. Bytes. */
const BLOCK_BYTES = 16 * 1024;

/** Most bytes beside the text of a section: its frame, status, terminators and the lengths of control data. */
const FRAME_BYTES = 64;

/** Most bytes of the two lengths of a field line. */
const LINE_BYTES = 8;

const PROTOCOL = ":protocol";

/** The block that the next head goes to, and the bytes of it that are used. */
let block = new Uint8Array(0);
let used = 0;

/** The head of a request with its framing indicator. @param ended whether no content and no trailers follow */
export function writeRequestHead(head: RequestHead, ended: boolean): Uint8Array {
  const { method, scheme, authority, path, protocol, fields } = head;
  const control = method.length + scheme.length + authority.length + path.length + (protocol?.length ?? 0);
  const target = reserve(control + PROTOCOL.length, fields);
  const start = used;
  let at = writeVarint(target, start, FRAMING.request);
  at = writeText(target, at, method, TOKEN_BYTE, "method");
  at = writeText(target, at, scheme, TARGET_BYTE, "scheme");
  at = writeText(target, at, authority, TARGET_BYTE, "authority");
  at = writeText(target, at, path, TARGET_BYTE, "path");
  if (protocol !== undefined) {
    at = writeVarint(target, at, PROTOCOL.length);
    for (let index = 0; index < PROTOCOL.length; index++) target[at++] = PROTOCOL.charCodeAt(index);
    at = writeText(target, at, protocol, TARGET_BYTE, "protocol");
  }
  return finish(target, start, writeFields(target, at, fields), ended);
}

/**
 * The head of a response, final or informational.
 * @param first whether the framing indicator comes before it
 * @param ended whether no content and no trailers follow
 */
export function writeResponseHead(
  status: number,
  fields: Fields,
  { first, ended }: { readonly first: boolean; readonly ended: boolean },
): Uint8Array {
  const target = reserve(0, fields);
  const start = used;
  let at = first ? writeVarint(target, start, FRAMING.response) : start;
  at = writeVarint(target, at, status);
  return finish(target, start, writeFields(target, at, fields), ended);
}

/** The end of a message: the terminator of its content, and its trailers. */
export function writeEnd(trailers: Fields): Uint8Array {
  const target = reserve(0, trailers);
  const start = used;
  target[start] = 0;
  return finish(target, start, writeFields(target, start + 1, trailers), false);
}

/** The length in front of a piece of content, with the piece itself where that is cheaper than to pass it on. */
export function writeContent(content: Uint8Array, copyBelow: number): Uint8Array {
  const { length } = content;
  const isCopied = length < copyBelow;
  const target = reserveBytes(varintLength(length) + (isCopied ? length : 0));
  const start = used;
  const at = writeVarint(target, start, length);
  if (isCopied) target.set(content, at);
  used = isCopied ? at + length : at;
  return target.subarray(start, used);
}

function reserve(control: number, fields: Fields): Uint8Array {
  let bytes = control + FRAME_BYTES;
  for (const text of fields) bytes += text.length;
  if (bytes > MAX_HEAD_BYTES) throw tooLarge(`The head has more than ${MAX_HEAD_BYTES} bytes.`);
  return reserveBytes(bytes + (fields.length / 2) * LINE_BYTES);
}

/** Makes room for at least so many bytes from {@link used} on. */
function reserveBytes(bytes: number): Uint8Array {
  if (block.length - used < bytes) {
    block = new Uint8Array(Math.max(BLOCK_BYTES, bytes));
    used = 0;
  }
  return block;
}

function finish(target: Uint8Array, start: number, end: number, ended: boolean): Uint8Array {
  if (end - start > MAX_HEAD_BYTES) {
    throw tooLarge(`The head has more than ${MAX_HEAD_BYTES} bytes.`);
  }
  let at = end;
  if (ended) {
    target[at++] = 0;
    target[at++] = 0;
  }
  used = at;
  return target.subarray(start, at);
}

function writeFields(target: Uint8Array, start: number, fields: Fields): number {
  if (fields.length / 2 > MAX_FIELDS) {
    throw tooLarge(`The head has more than ${MAX_FIELDS} fields.`);
  }
  let at = start;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    at = writeName(target, at, fields[index] ?? "");
    at = writeValue(target, at, fields[index + 1] ?? "");
  }
  target[at] = 0;
  return at + 1;
}

function writeName(target: Uint8Array, start: number, name: string): number {
  const { length } = name;
  let at = writeVarint(target, start, length);
  for (let index = 0; index < length; index++) {
    const byte = NAME_BYTE[name.charCodeAt(index)] ?? 0;
    if (byte === 0)
      throw malformed(`A field name has a character that no name has: ${JSON.stringify(name)}.`);
    target[at++] = byte;
  }
  if (length === 0) throw malformed("A field has no name.");
  return at;
}

/** Writes a value without the blanks around it. */
function writeValue(target: Uint8Array, start: number, text: string): number {
  const isPadded =
    text.length > 0 && (isBlank(text.charCodeAt(0)) || isBlank(text.charCodeAt(text.length - 1)));
  const value = isPadded ? text.replace(/^[ \t]+|[ \t]+$/g, "") : text;
  return writeText(target, start, value, VALUE_BYTE, "field value");
}

function writeText(
  target: Uint8Array,
  start: number,
  text: string,
  allowed: Uint8Array,
  what: string,
): number {
  const { length } = text;
  if (length > MAX_CONTROL_BYTES && what !== "field value") {
    throw tooLarge(`The ${what} has more than ${MAX_CONTROL_BYTES} bytes.`);
  }
  let at = writeVarint(target, start, length);
  for (let index = 0; index < length; index++) {
    const byte = text.charCodeAt(index);
    if (allowed[byte] !== 1) throw malformed(`The ${what} has a character that none has.`);
    target[at++] = byte;
  }
  return at;
}

const malformed = (why: string): FairleadError => new FairleadError("exchange.malformed", why);

const tooLarge = (why: string): FairleadError => new FairleadError("exchange.too_large", why);
