/** How an error leaves the edge over HTTP. */
import { asFairleadError, FairleadError, toErrorBody } from "../protocol/errors.ts";

/** Header that names a request in answers and logs. */
export const REQUEST_ID_HEADER = "fairlead-request-id";

/** An error as a response: the table's status, `{error, requestId}` as its body. */
export function errorResponse(error: FairleadError, requestId: string = crypto.randomUUID()): Response {
  const headers: Record<string, string> = { [REQUEST_ID_HEADER]: requestId };
  if (error.retryAfterMs !== undefined)
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  return Response.json({ error: toErrorBody(error), requestId }, { status: error.entry.status, headers });
}

/**
 * Whatever was thrown, as a FairleadError fit for the outside. What was not expected is logged in full and
 * leaves as `edge.internal` without its text.
 */
export function publicError(thrown: unknown, requestId: string): FairleadError {
  const error = asFairleadError(thrown, "edge.internal");
  if (error.code !== "edge.internal") return error;
  const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message;
  console.error(JSON.stringify({ level: "error", requestId, code: error.code, cause }));
  return new FairleadError("edge.internal");
}
