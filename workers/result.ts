/**
 * The result of a call to an object. Errors are data: RPC between objects does not preserve the class of an
 * error.
 */
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

/** The value of a successful result. @throws FairleadError the error of a failed result */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw fromErrorBody(result.error, "edge.internal");
}
