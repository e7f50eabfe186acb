/** Calls of the HTTPS API by the page. */
import type * as z from "zod";
import { CONSOLE_HEADER } from "../../../../protocol/api/console.ts";
import { ErrorResponse } from "../../../../protocol/api/envelope.ts";
import type { ErrorBody } from "../../../../protocol/errors.ts";

/** A call that failed: what happened, and what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 without a response. */
  readonly status: number;
  readonly code: string;
  readonly action: string;
  readonly requestId: string | null;

  constructor(status: number, error: ErrorBody, requestId: string | null) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.action = error.action ?? "";
    this.requestId = requestId;
  }
}

const UNREACHABLE = {
  code: "edge.unreachable",
  message: "The edge did not answer.",
  action: "Check that the edge runs and that this machine reaches it, then try again.",
};
const UNREADABLE = {
  code: "edge.unreadable",
  message: "The edge answered in a form that this page does not know.",
  action: "Load the page again: it may be older than the edge.",
};

/** How a call is made. */
interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
}

async function respond(path: string, { method = "GET", body }: CallOptions): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        [CONSOLE_HEADER]: "1",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, UNREACHABLE, null);
  }
}

async function checked(response: Response): Promise<unknown> {
  const text = await response.text();
  const json = parseJson(text);
  if (response.ok) return json;
  const failure = ErrorResponse.safeParse(json);
  if (failure.success) throw new ApiError(response.status, failure.data.error, failure.data.requestId);
  throw new ApiError(response.status, response.status >= 500 ? UNREACHABLE : UNREADABLE, null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Reads from the API, with the headers of the response.
 *
 * @throws ApiError
 */
export async function callWithHeaders<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<{ readonly data: z.infer<S>; readonly headers: Headers }> {
  const response = await respond(path, {});
  const parsed = schema.safeParse(await checked(response));
  if (!parsed.success) throw new ApiError(200, UNREADABLE, null);
  return { data: parsed.data, headers: response.headers };
}

/**
 * Calls the API, and parses what it answers.
 *
 * @throws ApiError
 */
export async function call<S extends z.ZodType>(
  path: string,
  schema: S,
  options: CallOptions = {},
): Promise<z.infer<S>> {
  const parsed = schema.safeParse(await checked(await respond(path, options)));
  if (!parsed.success) throw new ApiError(200, UNREADABLE, null);
  return parsed.data;
}

/**
 * Calls the API where no answer is expected.
 *
 * @throws ApiError
 */
export async function send(path: string, options: CallOptions): Promise<void> {
  await checked(await respond(path, options));
}

/** A path of the API, with its variable parts escaped. */
export function apiPath(strings: TemplateStringsArray, ...parts: readonly string[]): string {
  return strings.reduce((path, text, index) => path + encodeURIComponent(parts[index - 1] ?? "") + text);
}
