/**
 * DER (X.690): a reader and a writer of the elements of certificates and certificate requests. The reader is
 * strict, so that a value has one encoding: definite lengths in their shortest form, tags of one byte.
 */
import type { Bytes } from "./keys.ts";

/** Tags by the names of X.680. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a context-specific element that holds other elements. */
export const explicitTag = (number: number): number => 0xa0 | number;

/** The tag of a context-specific element that holds a value. */
export const implicitTag = (number: number): number => 0x80 | number;

export interface Element {
  readonly tag: number;
  /** The value, without tag and length. */
  readonly content: Bytes;
  /** The whole element. */
  readonly raw: Bytes;
}

/** An element within a byte string: of most elements, one of the two views is never looked at. */
class Span implements Element {
  readonly tag: number;
  readonly #bytes: Bytes;
  readonly #start: number;
  readonly #from: number;
  readonly #end: number;

  constructor(tag: number, bytes: Bytes, start: number, from: number, end: number) {
    this.tag = tag;
    this.#bytes = bytes;
    this.#start = start;
    this.#from = from;
    this.#end = end;
  }

  get content(): Bytes {
    return this.#bytes.subarray(this.#from, this.#end);
  }

  get raw(): Bytes {
    return this.#bytes.subarray(this.#start, this.#end);
  }
}

const malformed = (why: string): RangeError => new RangeError(`Malformed DER: ${why}.`);

/**
 * A reader of the elements of a byte string, in order. Every method throws RangeError for malformed input.
 */
export class DerReader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** Opens a byte string that is one element with this tag. @returns a reader of its content */
  static open(bytes: Bytes, tag: number = TAG.sequence): DerReader {
    const reader = new DerReader(bytes);
    const inside = reader.enter(tag);
    reader.end();
    return inside;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Throws when bytes are left. */
  end(): void {
    if (!this.isAtEnd) throw malformed("something follows the last element");
  }

  /** Whether the next element has this tag. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /** The next element, of any tag. */
  any(): Element {
    const bytes = this.#bytes;
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw malformed("a tag of several bytes");
    const length = this.#length();
    const from = this.#at;
    if (length > bytes.length - from) throw malformed("an element is longer than what holds it");
    this.#at = from + length;
    return new Span(tag, bytes, start, from, this.#at);
  }

  /** The next element, which has this tag. */
  next(tag: number): Element {
    const element = this.any();
    if (element.tag !== tag) throw malformed(`tag ${element.tag} in the place of ${tag}`);
    return element;
  }

  /** The next element if it has this tag. */
  optional(tag: number): Element | null {
    return this.isNext(tag) ? this.next(tag) : null;
  }

  /** A reader of the content of the next element, which has this tag. */
  enter(tag: number = TAG.sequence): DerReader {
    return new DerReader(this.next(tag).content);
  }

  oid(): string {
    return readOid(this.next(TAG.oid).content);
  }

  /** The bytes of a BIT STRING whose bits are whole bytes. */
  bits(): Bytes {
    const { content } = this.next(TAG.bitString);
    if (content[0] !== 0) throw malformed("a bit string is no string of bytes");
    return content.subarray(1);
  }

  boolean(): boolean {
    const { content } = this.next(TAG.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw malformed("a boolean");
    return content[0] === 0xff;
  }

  /** A UTCTime or GeneralizedTime in the form of RFC 5280, ms since 1970. */
  time(): number {
    const { tag, content } = this.any();
    const text = ascii(content);
    const match =
      tag === TAG.utcTime
        ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
        : tag === TAG.generalizedTime
          ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
          : null;
    if (match === null) throw malformed("a time");
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
    const century = tag === TAG.generalizedTime ? 0 : year < 50 ? 2000 : 1900;
    const date = new Date(Date.UTC(century + year, month - 1, day, hour, minute, second));
    const exists =
      date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
    if (!exists || minute > 59 || second > 59) throw malformed("a time that does not exist");
    return date.getTime();
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed("it ends within an element");
    this.#at += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count < 1 || count > 3) throw malformed("a length of no or too many bytes");
    let length = 0;
    for (let at = 0; at < count; at++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed("a length that could be shorter");
    return length;
  }
}

/** Text in ASCII. @throws RangeError for any other byte */
export function ascii(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte > 0x7f) throw malformed("a text that is not ASCII");
    text += String.fromCharCode(byte);
  }
  return text;
}

function readOid(content: Uint8Array): string {
  if (content.length === 0 || ((content.at(-1) ?? 0) & 0x80) !== 0) throw malformed("an object identifier");
  const arcs: number[] = [];
  let arc = 0;
  let begins = true;
  for (const byte of content) {
    if ((begins && byte === 0x80) || arc > 0xff_ffff_ffff) throw malformed("an object identifier");
    arc = arc * 128 + (byte & 0x7f);
    begins = (byte & 0x80) === 0;
    if (!begins) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - first * 40);
    } else {
      arcs.push(arc);
    }
    arc = 0;
  }
  return arcs.join(".");
}

/** An element of this tag with this content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const head = [tag, ...lengthBytes(length)];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  let at = head.length;
  for (const part of content) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...parts: readonly Uint8Array[]): Bytes => element(TAG.sequence, ...parts);

export const text = (tag: number, value: string): Bytes => element(tag, new TextEncoder().encode(value));

export const octets = (bytes: Uint8Array): Bytes => element(TAG.octetString, bytes);

/** A BIT STRING. @param unused bits of the last byte that do not belong to it */
export const bits = (bytes: Uint8Array, unused = 0): Bytes =>
  element(TAG.bitString, Uint8Array.of(unused), bytes);

export const truth = (): Bytes => element(TAG.boolean, Uint8Array.of(0xff));

/** A positive INTEGER. @param magnitude its bytes, the highest first */
export function integer(magnitude: Uint8Array): Bytes {
  let from = 0;
  while (from < magnitude.length - 1 && magnitude[from] === 0) from += 1;
  const shortest = magnitude.subarray(from);
  const needsZero = ((shortest[0] ?? 0) & 0x80) !== 0 || shortest.length === 0;
  return element(TAG.integer, ...(needsZero ? [Uint8Array.of(0)] : []), shortest);
}

export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left % 128));
    }
    return digits;
  });
  return element(TAG.oid, Uint8Array.from(bytes));
}

/**
 * A time in the form of RFC 5280: UTCTime until 2049, GeneralizedTime afterwards.
 * @param at ms since 1970, rounded down to whole seconds
 */
export function time(at: number): Bytes {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, "").slice(0, 14);
  return digits < "2050" ? text(TAG.utcTime, `${digits.slice(2)}Z`) : text(TAG.generalizedTime, `${digits}Z`);
}
