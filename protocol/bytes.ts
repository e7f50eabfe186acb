/**
 * Big-endian unsigned integers in byte arrays, for every binary format of the protocol.
 *
 * Bytes beyond the end of an array are read as 0, so callers check lengths first. Nothing checks the range of
 * a value.
 */

/** Writes 3 bytes at offset `at`. */
export function writeU24(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 16;
  target[at + 1] = value >>> 8;
  target[at + 2] = value;
}

/** Writes 4 bytes at offset `at`. */
export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

/** Writes 6 bytes at offset `at`. */
export function writeU48(target: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  target[at] = high >>> 8;
  target[at + 1] = high;
  writeU32(target, at + 2, value >>> 0);
}

/** Reads 3 bytes at offset `at`. */
export function readU24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

/** Reads 4 bytes at offset `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | readU24(bytes, at + 1)) >>> 0;
}

/** Reads 6 bytes at offset `at`. */
export function readU48(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) * 0x1_0000_0000 + readU32(bytes, at + 2);
}
