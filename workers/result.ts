/** How an object answers the Worker: errors are data, because a thrown class does not survive the call. */
import {
  type ErrorBody,
  type ErrorCode,
  FairleadError,
  fromErrorBody,
  toErrorBody,
} from "../protocol/errors.ts";

export type Result<T> = { ok: true; value: T } | { ok: false; error: ErrorBody };

export const success = <T>(value: T): Result<T> => ({ ok: true, value });

export const failure = (code: ErrorCode, message?: string): { ok: false; error: ErrorBody } => ({
  ok: false,
  error: toErrorBody(new FairleadError(code, message)),
});

/** The value, or the FairleadError thrown. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw fromErrorBody(result.error, "edge.internal");
}
