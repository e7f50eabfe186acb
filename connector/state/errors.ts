/** Maps errors of the file system to errors of the state directory. */
import { FairleadError } from "../../protocol/errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** The error of a failure to read or write `file`: state.full if no space is left, otherwise state.unwritable. */
export function stateError(error: unknown, file: string): FairleadError {
  if (error instanceof FairleadError) return error;
  const code = errnoOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return code !== undefined && FULL.has(code)
    ? new FairleadError("state.full", `Cannot write ${file}: the disk is full (${code}).`, { cause: error })
    : new FairleadError("state.unwritable", `Cannot use ${file}: ${text}.`, { cause: error });
}

/** The code of an error of the operating system, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
