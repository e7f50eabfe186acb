/** What the tests of the carrier share. */
import { FairleadError } from "../../../../protocol/errors.ts";

const byteAt = (at: number): number => (at * 7 + (at >>> 8)) & 0xff;

/** The bytes of a fixed pattern between two offsets. */
export const bytesOf = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from }, (_, at) => byteAt(from + at)));

/** The code of the FairleadError that `run` throws; "fine" when it throws none. */
export function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FairleadError) return error.code;
    throw error;
  }
  return "fine";
}
