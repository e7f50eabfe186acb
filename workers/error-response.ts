/** Errors as HTTP responses. */
import { asFairleadError, type ErrorCode, FairleadError, toErrorBody } from "../protocol/errors.ts";

/** Header with the id of a request, which logs name as well. */
export const REQUEST_ID_HEADER = "fairlead-request-id";

/** The response for an error: the status of the table of errors, and `{error, requestId}` as the body. */
export function errorResponse(error: FairleadError, requestId: string = crypto.randomUUID()): Response {
  const headers: Record<string, string> = { [REQUEST_ID_HEADER]: requestId };
  if (error.retryAfterMs !== undefined)
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  return Response.json({ error: toErrorBody(error), requestId }, { status: error.entry.status, headers });
}

/** Codes whose message is written to the operator's log only. */
const INTERNAL: readonly ErrorCode[] = ["edge.internal", "edge.misconfigured"];

/**
 * The error that a client sees for a thrown value. An unexpected error is logged in full, and the client sees
 * `edge.internal` without its message. The same holds for a wrong configuration and `edge.misconfigured`.
 */
export function publicError(thrown: unknown, requestId: string): FairleadError {
  const error = asFairleadError(thrown, "edge.internal");
  if (!INTERNAL.includes(error.code)) return error;
  const unexpected = error.code === "edge.internal" && error.cause instanceof Error ? error.cause : null;
  const cause = unexpected === null ? error.message : (unexpected.stack ?? unexpected.message);
  console.error(JSON.stringify({ level: "error", requestId, code: error.code, cause }));
  return new FairleadError(error.code);
}
