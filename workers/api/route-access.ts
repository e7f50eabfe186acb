/** The part of a route's definition that says where it is and who may call it, with the check. */
import type { MiddlewareHandler } from "hono";
import { MAX_BODY } from "../../protocol/api/envelope.ts";
import type { Role } from "../../protocol/api/keys.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { permitsEverywhere, permitsIn, permitsSomewhere, roleOf } from "../auth/caller.ts";
import { type Least, type Operation, ROLES } from "../auth/roles.ts";
import { authenticate } from "./authentication.ts";
import { limitBody } from "./body-limit.ts";
import type { ApiEnv } from "./context.ts";

type Method = "get" | "post" | "patch" | "delete";

interface Exceptions {
  /** Bytes; {@link MAX_BODY} unless given. */
  readonly maxBody?: number;
  /** The network need not exist: the route may make it. Then `c.var.network` is not set. */
  readonly newNetwork?: boolean;
}

/**
 * A route's method, path and checks, in this order, before anything else of the request is looked at: who
 * calls, whether that one may do this at all, whether he may do it in the network that the path names, and
 * whether the body is small enough.
 */
export function access<M extends Method, P extends string>(
  method: M,
  path: `${Uppercase<M>} ${P}` extends Operation ? P : never,
  { maxBody = MAX_BODY, newNetwork = false }: Exceptions = {},
): {
  method: M;
  path: P;
  middleware: MiddlewareHandler<ApiEnv>[];
  security: Record<string, string[]>[];
  "x-fairlead-role": Least;
} {
  const role: Least = ROLES[`${method.toUpperCase()} ${path}` as Operation];
  const checks: MiddlewareHandler<ApiEnv>[] = [];
  if (role !== "public") {
    const named = path.includes("{network}");
    checks.push(requireRole(role, named));
    if (named) checks.push(requireNetwork(role, newNetwork));
  }
  return {
    method,
    path: path as P,
    middleware: [...checks, limitBody(maxBody)],
    security: role === "public" ? [] : [{ key: [] }],
    "x-fairlead-role": role,
  };
}

/** What an admin does outside a network concerns all of them, so it takes a role that holds in all. */
function requireRole(least: Role, namesNetwork: boolean): MiddlewareHandler<ApiEnv> {
  const permits = least === "admin" && !namesNetwork ? permitsEverywhere : permitsSomewhere;
  return async (c, next) => {
    const caller = await authenticate(c);
    if (!permits(caller, least)) {
      throw new FairleadError("key.forbidden", `This needs the role ${least}; yours is ${roleOf(caller)}.`);
    }
    c.set("caller", caller);
    await next();
  };
}

/** A caller who may not do this in all networks cannot learn here which others exist. */
function requireNetwork(least: Role, mayBeNew: boolean): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { caller, directory } = c.var;
    const nameOrId = c.req.param("network") ?? "";
    const network = await directory.findNetwork(nameOrId);
    if (network !== null && permitsIn(caller, least, network)) {
      c.set("network", network);
    } else if (!permitsEverywhere(caller, least)) {
      throw new FairleadError("key.forbidden", `You are no ${least} of a network "${nameOrId}".`);
    } else if (!mayBeNew) {
      throw new FairleadError("network.unknown", `There is no network "${nameOrId}".`);
    }
    await next();
  };
}
