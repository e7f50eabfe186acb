/** What every handler of the API has at hand. */
import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ErrorAnswer } from "../../protocol/api/envelope.ts";
import type { Network } from "../../protocol/api/networks.ts";
import type { Caller } from "../auth/caller.ts";
import type { IdentityTokens } from "../auth/identity-tokens.ts";
import type { Config, Env } from "../config.ts";
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
    /** Set on routes that need a key. */
    caller: Caller;
    /** Set on routes that name a network which the caller may use for what the route does. */
    network: Network;
    /** Seconds, once a limit was hit. */
    retryAfter?: number;
  };
}

export type Api = OpenAPIHono<ApiEnv>;

/** The registry of a network that the directory knows: addressing an object creates it, so ask there first. */
export function registryOf(c: Context<ApiEnv>, network: Pick<Network, "id"> = c.var.network) {
  return openRegistry(c.var.config.objects.registry, network.id);
}

/** The answers of a route, for its definition: the good one, and every error in the one form. */
export function answers<S extends 200 | 201, T extends z.ZodType>(status: S, schema: T, description: string) {
  const good = { description, content: { "application/json": { schema } } };
  const error = {
    description: "An error: see docs/errors.md for its code.",
    content: { "application/json": { schema: ErrorAnswer } },
  };
  return { [status]: good, default: error } as Record<S, typeof good> & { default: typeof error };
}

/** A JSON body, for a route's definition. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}
