/** What every handler of the API has at hand. */
import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ErrorAnswer, type Network, type Role } from "../../protocol/api.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { DirectoryFacade } from "../directory/directory.ts";
import type { Env } from "../env.ts";
import { reachesNetwork } from "./access.ts";
import type { Limits } from "./limits.ts";

/** Whoever calls with a key. */
export interface Caller {
  /** The key's name; it is the actor in events. */
  readonly name: string;
  readonly role: Role;
  /** Ids of the networks that the key is good for; null is all. */
  readonly networks: readonly string[] | null;
}

export interface ApiEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    directory: DirectoryFacade;
    limits: Limits;
    /** Set on routes that need a key. */
    caller: Caller;
    /** Seconds, once a limit was hit. */
    retryAfter?: number;
  };
}

export type Api = OpenAPIHono<ApiEnv>;

/**
 * The network that a path names, if the caller's key is good for it. A key that is not good for all networks
 * cannot learn which others exist.
 * @throws FairleadError network.unknown, key.forbidden
 */
export async function networkOf(c: Context<ApiEnv>, nameOrId: string): Promise<Network> {
  const network = await c.var.directory.findNetwork(nameOrId);
  const { caller } = c.var;
  if (network !== null && reachesNetwork(caller, network.id)) return network;
  if (caller.networks !== null) {
    throw new FairleadError("key.forbidden", `The key is not good for a network "${nameOrId}".`);
  }
  throw new FairleadError("network.unknown", `There is no network "${nameOrId}".`);
}

/** The registry of a network that the directory knows: addressing an object creates it, so ask there first. */
export function registryOf(c: Context<ApiEnv>, network: Pick<Network, "id">) {
  return c.env.REGISTRY.getByName(network.id);
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
