/** Integers of variable length (RFC 9000 §16): the first two bits say whether the integer has 1, 2, 4 or 8 bytes. */
import { readU32, writeU32 } from "../bytes.ts";

/** The largest value that {@link writeVarint} writes. */
export const MAX_VARINT = Number.MAX_SAFE_INTEGER;

const U32 = 0x1_0000_0000;

/** The bytes that a value takes. @param value an integer from 0 to {@link MAX_VARINT} */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

/** Writes a value at offset `at`. Returns the offset behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  if (value < 0x40) {
    target[at] = value;
    return at + 1;
  }
  if (value < 0x4000) {
    target[at] = 0x40 | (value >>> 8);
    target[at + 1] = value;
    return at + 2;
  }
  if (value < 0x4000_0000) {
    writeU32(target, at, (value | 0x8000_0000) >>> 0);
    return at + 4;
  }
  writeU32(target, at, (Math.floor(value / U32) | 0xc000_0000) >>> 0);
  writeU32(target, at + 4, value >>> 0);
  return at + 8;
}

/** The bytes of the integer that begins with `first`. */
export function varintBytes(first: number): number {
  return 1 << (first >>> 6);
}

/**
 * Reads the integer at offset `at`, all of whose bytes are there. Larger ones than {@link MAX_VARINT} are Infinity.
 */
export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x40) return first;
  if (first < 0x80) return ((first & 0x3f) << 8) | (bytes[at + 1] ?? 0);
  if (first < 0xc0) return readU32(bytes, at) & 0x3fff_ffff;
  const value = (readU32(bytes, at) & 0x3fff_ffff) * U32 + readU32(bytes, at + 4);
  return value > MAX_VARINT ? Number.POSITIVE_INFINITY : value;
}
