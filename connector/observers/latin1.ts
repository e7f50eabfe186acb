/** Texts out of the bytes of heads. Each text is made of its own bytes alone, so none keeps a whole head in memory. */
import { MAX_PATH } from "../relay/request-report.ts";

/** Bytes of a request target in which its path is looked for: the absolute form has an authority before it. */
const MAX_TARGET = 2 * MAX_PATH;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;

/** The text of some bytes. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buffer =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1", start, end);
}

/** Where a request target ends without its query and fragment, and without what is too long for a report. */
export function endOfPath(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_TARGET);
  for (let at = start; at < limit; at++) {
    const byte = bytes[at];
    if (byte === QUESTION_MARK || byte === HASH) return at;
  }
  return limit;
}
