/** The context of the API's handlers: the variables of a request, and parts of a route's definition. */
import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import type { Network } from "../../protocol/api/networks.ts";
import type { Caller } from "../auth/caller.ts";
import type { IdentityTokens } from "../auth/identity-tokens.ts";
import type { Config, Env } from "../config.ts";
import type { Identity } from "../console/identity.ts";
import type { Listener } from "../console/listener.ts";
import type { DirectoryFacade } from "../directory/facade.ts";
import type { Limits } from "../limits/limits.ts";
import { openRegistry } from "../registry/stub.ts";

export interface ApiEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    config: Config;
    directory: DirectoryFacade;
    limits: Limits;
    identityTokens: IdentityTokens;
    listener: Listener;
    /** What proved the caller; null where only the listener did. Set with `caller`. */
    identity: Identity | null;
    /** Set on routes that need a role. */
    caller: Caller;
    /** Set on routes that name a network in which the caller has the role. */
    network: Network;
    /** Seconds; set when a limit was exceeded. */
    retryAfter?: number;
  };
}

export type Api = OpenAPIHono<ApiEnv>;

/**
 * The registry of a network. Addressing an object creates it: ask the directory first whether the network
 * exists.
 */
export function registryOf(c: Context<ApiEnv>, network: Pick<Network, "id"> = c.var.network) {
  return openRegistry(c.var.config.objects.registry, network.id);
}

/** The responses in a route's definition: the successful response, and errors in their common form. */
export function responses<S extends 200 | 201, T extends z.ZodType>(
  status: S,
  schema: T,
  description: string,
) {
  const successful = { description, content: { "application/json": { schema } } };
  const error = {
    description: "An error: see docs/errors.md for its code.",
    content: { "application/json": { schema: ErrorResponse } },
  };
  return { [status]: successful, default: error } as Record<S, typeof successful> & { default: typeof error };
}

/** The JSON body in a route's definition. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}
