/** A route's method, path and least role, and the checks of a request before its handler. */
import type { MiddlewareHandler } from "hono";
import { MAX_BODY } from "../../protocol/api/envelope.ts";
import type { Role } from "../../protocol/api/keys.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { permitsEverywhere, permitsIn, permitsSomewhere, roleOf } from "../auth/caller.ts";
import { type Least, type Operation, ROLES } from "../auth/roles.ts";
import { authenticate } from "./authentication.ts";
import { limitBody } from "./body-limit.ts";
import type { ApiEnv } from "./context.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";

interface Exceptions {
  /** Bytes. */
  readonly maxBody?: number;
  /** Whether the route may create the network. When it does not exist, `c.var.network` is not set. */
  readonly newNetwork?: boolean;
}

/**
 * The beginning of a route's definition. A request is checked in this order before anything else of it is
 * read: who calls, whether the caller has the role anywhere, whether the caller has it in the network of the
 * path, and the size of the body.
 */
export function routeAccess<M extends Method, P extends string>(
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
    security: role === "public" ? [] : [{ key: [] }, { session: [] }],
    "x-fairlead-role": role,
  };
}

/**
 * Requires a role. An admin's operation outside a network concerns all networks, so the role must hold in
 * all.
 */
function requireRole(least: Role, namesNetwork: boolean): MiddlewareHandler<ApiEnv> {
  const permits = least === "admin" && !namesNetwork ? permitsEverywhere : permitsSomewhere;
  return async (c, next) => {
    const { caller, identity } = await authenticate(c);
    if (!permits(caller, least)) {
      throw new FairleadError("key.forbidden", `This needs the role ${least}; yours is ${roleOf(caller)}.`);
    }
    c.set("caller", caller);
    c.set("identity", identity);
    await next();
  };
}

/**
 * Requires the role in the network of the path. Only a caller with the role everywhere learns which networks
 * exist.
 */
function requireNetwork(least: Role, mayBeNew: boolean): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { caller, directory } = c.var;
    const nameOrId = c.req.param("network") ?? "";
    const network = await directory.findNetwork(nameOrId);
    if (network !== null && permitsIn(caller, least, network)) {
      c.set("network", network);
    } else if (!permitsEverywhere(caller, least)) {
      throw new FairleadError("key.forbidden", `This needs the role ${least} in a network "${nameOrId}".`);
    } else if (!mayBeNew) {
      throw new FairleadError("network.unknown", `There is no network "${nameOrId}".`);
    }
    await next();
  };
}
