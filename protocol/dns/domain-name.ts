/**
 * Domain names: as text, and on the wire (RFC 1035 §3.1, §4.1.4).
 *
 * The text of a name is in lower case, without the period at its end; the root is the empty text. A byte that has no
 * plain character is written as a backslash and three digits, a period in a label as a backslash and a period.
 */
import * as z from "zod";

/** The longest name on the wire, bytes. */
export const MAX_NAME_BYTES = 255;
/** The longest label, bytes. */
export const MAX_LABEL_BYTES = 63;

/** The most pointers of one name. A message full of long chains would cost seconds. */
const MAX_POINTERS = 32;

/** A name that was read from a message. */
export interface WireName {
  readonly text: string;
  /** Offset of the byte behind the name. */
  readonly end: number;
}

/**
 * Reads the name at offset `at`; null if it is malformed. A pointer is followed only to an offset below all that were
 * read so far, so that every name ends.
 *
 * @param compressed whether pointers are permitted
 */
export function readName(bytes: Uint8Array, at: number, compressed = true): WireName | null {
  let text = "";
  let length = 0;
  let end = -1;
  let lowest = at;
  let pointers = 0;
  for (let next = at; ; ) {
    const size = bytes[next];
    if (size === undefined) return null;
    if (size === 0) return { text, end: end < 0 ? next + 1 : end };
    if (size >= 0xc0) {
      const low = bytes[next + 1];
      if (!compressed || low === undefined) return null;
      if (end < 0) end = next + 2;
      next = ((size & 0x3f) << 8) | low;
      if (next >= lowest || ++pointers > MAX_POINTERS) return null;
      lowest = next;
      continue;
    }
    if (size > MAX_LABEL_BYTES || next + size >= bytes.length) return null;
    length += size + 1;
    if (length + 1 > MAX_NAME_BYTES) return null;
    if (text !== "") text += ".";
    for (let each = next + 1; each <= next + size; each++) text += CHARACTERS[bytes[each] ?? 0];
    next += size + 1;
  }
}

/** Offset behind the name at `at`, without reading it; -1 if the name is cut off or has a label of a reserved type. */
export function skipName(bytes: Uint8Array, at: number): number {
  for (let next = at; ; ) {
    const size = bytes[next];
    if (size === undefined) return -1;
    if (size === 0) return next + 1;
    if (size >= 0xc0) return next + 2 <= bytes.length ? next + 2 : -1;
    if (size > MAX_LABEL_BYTES) return -1;
    next += size + 1;
  }
}

/** The labels of a name, the lowest first. */
export function labelsOf(name: string): string[] {
  if (name === "") return [];
  if (!name.includes("\\")) return name.split(".");
  return name.match(/(?:\\\d{3}|\\.|[^.\\])+/gs) ?? [];
}

/** Whether a name is `zone` or below it. */
export function isWithin(name: string, zone: string): boolean {
  if (zone === "") return true;
  if (!name.endsWith(zone)) return false;
  const rest = name.length - zone.length;
  if (rest === 0) return true;
  if (name[rest - 1] !== ".") return false;
  // A period behind an odd number of backslashes belongs to a label.
  let slashes = 0;
  while (name[rest - 2 - slashes] === "\\") slashes++;
  return slashes % 2 === 0;
}

/** The bytes of a label. */
export function labelBytes(label: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < label.length; at++) {
    if (label[at] !== "\\") bytes.push(label.charCodeAt(at) & 0xff);
    else if (/^\d{3}/.test(label.slice(at + 1, at + 4))) {
      bytes.push(Number(label.slice(at + 1, at + 4)) & 0xff);
      at += 3;
    } else bytes.push(label.charCodeAt(++at) & 0xff);
  }
  return bytes;
}

/** The character, or the escape, of each byte in the text of a name. */
const CHARACTERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte).toLowerCase();
  if (character === "." || character === "\\") return `\\${character}`;
  return byte > 0x20 && byte < 0x7f ? character : `\\${String(byte).padStart(3, "0")}`;
});

const HOST_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * A domain as people write it: labels of letters, digits, "-" and "_", with or without a period at its end. The result
 * is in lower case, without that period.
 */
export const Domain = z
  .string()
  .max(MAX_NAME_BYTES - 1)
  .transform((text) => text.toLowerCase().replace(/\.$/, ""))
  .refine(
    (text) => text.length <= MAX_NAME_BYTES - 2 && text.split(".").every((label) => HOST_LABEL.test(label)),
    {
      message: "a domain has labels of a-z, 0-9 and '-', such as corp.internal",
    },
  );

/**
 * The domain of a zone that a site offers to other sites. A single label would take in every name below a top-level
 * domain.
 */
export const ZoneDomain = Domain.refine((text) => text.includes("."), {
  message: "a zone has two labels at least, such as corp.internal",
});
