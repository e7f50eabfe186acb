/**
 * The HTTPS API. Each resource has a file of its own; this file gives every request an id, and turns errors
 * into responses.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { FairleadError } from "../../protocol/errors.ts";
import { IdentityTokens } from "../auth/identity-tokens.ts";
import { readConfig } from "../config.ts";
import type { Listener } from "../console/listener.ts";
import { openDirectory } from "../directory/facade.ts";
import { errorResponse, publicError, REQUEST_ID_HEADER } from "../error-response.ts";
import { createLimits, type Limits } from "../limits/limits.ts";
import { addAdmission } from "./admission.ts";
import { addBackups } from "./backups.ts";
import { addBalances } from "./balances.ts";
import { addConsoleUsers } from "./console-users.ts";
import type { Api, ApiEnv } from "./context.ts";
import { addDns } from "./dns.ts";
import { addDoorKeys } from "./door-keys.ts";
import { addEvents } from "./events.ts";
import { addHealth } from "./health.ts";
import { addHostnames } from "./hostnames.ts";
import { invalidRequest } from "./invalid-request.ts";
import { addKeys } from "./keys.ts";
import { addLinks } from "./links.ts";
import { addLive } from "./live.ts";
import { addNetworks } from "./networks.ts";
import { addOpenApi } from "./openapi.ts";
import { addQuotas } from "./quotas.ts";
import { addSession } from "./session.ts";
import { addSites } from "./sites.ts";
import { addStatus } from "./status.ts";
import { addTokens } from "./tokens.ts";
import { addTraffic } from "./traffic.ts";

/**
 * Creates the API of a listener. An isolate has one for each, which share rate limits and the provider's keys.
 */
export function createApi(
  limits: Limits = createLimits(),
  identityTokens = new IdentityTokens(),
  listener: Listener = "public",
): Api {
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.target, result.error.issues);
    },
  });
  api.use(prepare(limits, identityTokens, listener));
  addHealth(api);
  addOpenApi(api);
  addNetworks(api);
  addKeys(api);
  addSession(api);
  addConsoleUsers(api);
  addTokens(api);
  addSites(api);
  addLinks(api);
  addQuotas(api);
  addHostnames(api);
  addDoorKeys(api);
  addBalances(api);
  addStatus(api);
  addEvents(api);
  addTraffic(api);
  addLive(api);
  addBackups(api);
  addAdmission(api);
  addDns(api);
  api.notFound((c) =>
    respondWithError(
      c,
      new FairleadError("route.unknown", `Nothing is served at ${c.req.method} ${shownPath(c.req.path)}.`),
    ),
  );
  api.onError((thrown, c) => respondWithError(c, fromHono(thrown)));
  return api;
}

function prepare(
  limits: Limits,
  identityTokens: IdentityTokens,
  listener: Listener,
): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set("requestId", crypto.randomUUID());
    const config = readConfig(c.env);
    c.set("config", config);
    c.set("directory", openDirectory(config.objects.directory));
    c.set("limits", limits);
    c.set("identityTokens", identityTokens);
    c.set("listener", listener);
    await next();
    // The headers of an upgrade cannot be changed (workerd 1.20261117, November 2026).
    if (c.res.status === 101) return;
    c.header(REQUEST_ID_HEADER, c.var.requestId);
    // Responses carry tokens and keys, and describe this moment only.
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  };
}

/** Maps Hono's own errors for bodies that are not JSON to request.invalid. */
function fromHono(thrown: unknown): unknown {
  if (!(thrown instanceof HTTPException) || thrown.status >= 500) return thrown;
  const text = thrown.status === 415 ? "body: must be application/json." : "body: must be JSON.";
  return new FairleadError("request.invalid", text, { cause: thrown });
}

/** The response for a thrown error, with the request's id. */
function respondWithError(c: Context<ApiEnv>, thrown: unknown): Response {
  const response = errorResponse(publicError(thrown, c.var.requestId), c.var.requestId);
  if (c.var.retryAfter !== undefined) response.headers.set("retry-after", String(c.var.retryAfter));
  return response;
}

/** The path of a request without the key that it may have. */
const shownPath = (path: string): string => (path.startsWith("/dns-query/") ? "/dns-query/…" : path);
