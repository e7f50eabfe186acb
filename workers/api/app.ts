/**
 * The HTTPS API. Each resource is a file; this one has what they share: request ids, limits of bodies, and the
 * one place where an error becomes an answer.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { MAX_BODY } from "../../protocol/api.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { openDirectory } from "../directory/directory.ts";
import { errorResponse, publicError, REQUEST_ID_HEADER } from "../errors.ts";
import type { Api, ApiEnv } from "./context.ts";
import { addEvents } from "./events.ts";
import { addJoining } from "./joining.ts";
import { addKeys } from "./keys.ts";
import { createLimits, type Limits } from "./limits.ts";
import { addMeta } from "./meta.ts";
import { addNetworks } from "./networks.ts";
import { addSites } from "./sites.ts";
import { addStatus } from "./status.ts";
import { addTokens } from "./tokens.ts";

/** Makes the API. `limits` are those of the isolate. */
export function createApi(limits: Limits = createLimits()): Api {
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.target, result.error.issues);
    },
  });
  api.use(prepare(limits));
  api.use(limitBody);
  addMeta(api);
  addNetworks(api);
  addKeys(api);
  addTokens(api);
  addSites(api);
  addStatus(api);
  addEvents(api);
  addJoining(api);
  api.notFound((c) =>
    answerError(c, new FairleadError("route.unknown", `Nothing is served at ${c.req.method} ${c.req.path}.`)),
  );
  api.onError((thrown, c) => answerError(c, fromHono(thrown)));
  return api;
}

function prepare(limits: Limits): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set("requestId", crypto.randomUUID());
    c.set("directory", openDirectory(c.env.DIRECTORY));
    c.set("limits", limits);
    await next();
    c.header(REQUEST_ID_HEADER, c.var.requestId);
    // Answers carry tokens and keys, and everything in them is of this moment.
    c.header("cache-control", "no-store");
  };
}

/** Refuses a body that is too large before anybody parses it, also when its length is not announced. */
const limitBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const { body } = c.req.raw;
  if (body !== null) {
    if (Number(c.req.header("content-length") ?? 0) > MAX_BODY) throw new FairleadError("request.too_large");
    const bytes = await readAtMost(body, MAX_BODY);
    c.req.raw = new Request(c.req.raw, { body: bytes });
  }
  await next();
};

async function readAtMost(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > limit) throw new FairleadError("request.too_large");
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const PLACE: Record<string, string> = { json: "body", param: "path", query: "query" };

/** What a schema refused, as one sentence that names the fields. */
function invalidRequest(target: string, issues: readonly Issue[]): FairleadError {
  const place = PLACE[target] ?? target;
  const texts = issues
    .slice(0, 5)
    .map(({ path, message }) => `${[place, ...path.map(String)].join(".")}: ${message}`);
  return new FairleadError("request.invalid", `${texts.join("; ")}.`);
}

/** Hono and its validators throw their own class for bodies that are not JSON. */
function fromHono(thrown: unknown): unknown {
  if (!(thrown instanceof HTTPException) || thrown.status >= 500) return thrown;
  const text = thrown.status === 415 ? "body: must be application/json." : "body: must be JSON.";
  return new FairleadError("request.invalid", text, { cause: thrown });
}

function answerError(c: Context<ApiEnv>, thrown: unknown): Response {
  const response = errorResponse(publicError(thrown, c.var.requestId), c.var.requestId);
  if (c.var.retryAfter !== undefined) response.headers.set("retry-after", String(c.var.retryAfter));
  return response;
}
