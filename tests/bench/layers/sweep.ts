/** Makes the processor's caches cold. */

/** Larger than the last-level cache of the machines in use. Bytes. */
const SWEPT_BYTES = 64 * 1024 * 1024;
const LINE_BYTES = 64;

let swept: Uint8Array | null = null;
/** Kept, so that no compiler drops the reading. */
let sum = 0;

/** Reads a byte of each cache line of a buffer that no cache holds, so that nothing else is left in them. */
export function sweepCaches(): number {
  // Filled, because the pages of a buffer of zeros may all be one page.
  swept ??= new Uint8Array(SWEPT_BYTES).fill(1);
  for (let at = 0; at < SWEPT_BYTES; at += LINE_BYTES) sum = (sum + (swept[at] ?? 0)) | 0;
  return sum;
}
