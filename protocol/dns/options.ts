/** The options in an OPT record (RFC 6891 §6.1.2). */

/**
 * Finds an option in the data of an OPT record.
 * @returns its data; null if there is none, undefined if the options are malformed
 */
export function findOption(
  bytes: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
  code: number,
): Uint8Array | null | undefined {
  let found: Uint8Array | null = null;
  let at = from;
  while (at + 4 <= to) {
    const data = at + 4;
    const end = data + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
    if (found === null && end <= to && (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) === code) {
      found = bytes.subarray(data, end);
    }
    at = end;
  }
  return at === to ? found : undefined;
}

/** The bytes of an option: its code, its length and its data. */
export function optionBytes(code: number, data: readonly number[]): number[] {
  return [code >>> 8, code & 0xff, data.length >>> 8, data.length & 0xff, ...data];
}
