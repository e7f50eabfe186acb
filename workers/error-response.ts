/** Errors as HTTP responses. */
import { asFairleadError, type ErrorCode, FairleadError, toErrorBody } from "../protocol/errors.ts";

/** Header with the id of a request, which logs name as well. */
export const REQUEST_ID_HEADER = "fairlead-request-id";

/** The response for an error: its status from the table of errors, and `{error, requestId}` as its body. */
export function errorResponse(error: FairleadError, requestId: string = crypto.randomUUID()): Response {
  const headers: Record<string, string> = { [REQUEST_ID_HEADER]: requestId };
  if (error.retryAfterMs !== undefined)
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  return Response.json({ error: toErrorBody(error), requestId }, { status: error.entry.status, headers });
}

/** Codes whose text is for the operator's log alone. */
const INTERNAL: readonly ErrorCode[] = ["edge.internal", "edge.misconfigured"];

/**
 * What was thrown, as a FairleadError fit for the outside. An unexpected error is logged in full and leaves
 * as `edge.internal` without its text; so does a wrong configuration, as `edge.misconfigured`.
 */
export function publicError(thrown: unknown, requestId: string): FairleadError {
  const error = asFairleadError(thrown, "edge.internal");
  if (!INTERNAL.includes(error.code)) return error;
  const unexpected = error.code === "edge.internal" && error.cause instanceof Error ? error.cause : null;
  const cause = unexpected === null ? error.message : (unexpected.stack ?? unexpected.message);
  console.error(JSON.stringify({ level: "error", requestId, code: error.code, cause }));
  return new FairleadError(error.code);
}
