/**
 * Who may call what: the one table, and the check. A route cannot be made without an entry (a type error),
 * and says its entry in the OpenAPI document as `x-fairlead-role`.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ApiKey, Role } from "../../protocol/api.ts";
import { encodeHex, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { ApiEnv, Caller } from "./context.ts";
import { spendAfterFailure, waitIfSpent } from "./limits.ts";

/** Least role for each operation; `public` needs no key. */
export const ROLES = {
  "GET /v1/health": "public",
  "GET /v1/openapi.json": "public",
  "POST /v1/redeem": "public",
  "POST /v1/renew": "public",
  "GET /v1/networks": "viewer",
  "POST /v1/networks": "admin",
  "GET /v1/networks/{network}": "viewer",
  "DELETE /v1/networks/{network}": "admin",
  "GET /v1/networks/{network}/tokens": "viewer",
  "POST /v1/networks/{network}/tokens": "operator",
  "DELETE /v1/networks/{network}/tokens/{token}": "operator",
  "GET /v1/networks/{network}/sites": "viewer",
  "GET /v1/networks/{network}/sites/{site}": "viewer",
  "POST /v1/networks/{network}/sites/{site}/revoke": "operator",
  "DELETE /v1/networks/{network}/sites/{site}": "operator",
  "GET /v1/networks/{network}/links": "viewer",
  "GET /v1/networks/{network}/services": "viewer",
  "GET /v1/networks/{network}/status": "viewer",
  "GET /v1/networks/{network}/events": "viewer",
  "GET /v1/keys": "admin",
  "POST /v1/keys": "admin",
  "DELETE /v1/keys/{key}": "admin",
} as const satisfies Record<string, Role | "public">;

export type Operation = keyof typeof ROLES;
type Method = "get" | "post" | "delete";

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether a role suffices where `least` is asked for. */
export function roleSuffices(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}

/** Whether a caller's key is good for a network. */
export function reachesNetwork(caller: Caller, networkId: string): boolean {
  return caller.networks === null || caller.networks.includes(networkId);
}

/** The part of a route's definition that says where it is and who may call it. */
export function access<M extends Method, P extends string>(
  method: M,
  path: `${Uppercase<M>} ${P}` extends Operation ? P : never,
): {
  method: M;
  path: P;
  middleware: MiddlewareHandler<ApiEnv>[];
  security: Record<string, string[]>[];
  "x-fairlead-role": Role | "public";
} {
  const operation = `${method.toUpperCase()} ${path}` as Operation;
  const role = ROLES[operation];
  return {
    method,
    path: path as P,
    middleware: role === "public" ? [] : [requireRole(role)],
    security: role === "public" ? [] : [{ key: [] }],
    "x-fairlead-role": role,
  };
}

function requireRole(least: Role): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const caller = await authenticate(c);
    if (!roleSuffices(caller.role, least)) {
      throw new FairleadError("key.forbidden", `This needs the role ${least}; the key's is ${caller.role}.`);
    }
    c.set("caller", caller);
    await next();
  };
}

/** A key's text: `flk_`, the key's id or "admin", and 32 random bytes. */
const KEY_TEXT = /^flk_[A-Za-z0-9]{1,40}_[A-Za-z0-9_-]{43}$/;

async function authenticate(c: Context<ApiEnv>): Promise<Caller> {
  const text = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (text === undefined) throw new FairleadError("key.missing");
  waitIfSpent(c, "keys");
  const key = KEY_TEXT.test(text) ? await findKey(c, await hashKey(text)) : null;
  if (key === null) {
    spendAfterFailure(c, "keys");
    throw new FairleadError("key.invalid");
  }
  return key;
}

async function findKey(c: Context<ApiEnv>, hash: string): Promise<Caller | null> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  if (equalBytes(bytes(hash), bytes(c.env.ADMIN_KEY_HASH.toLowerCase()))) {
    return { name: "admin", role: "admin", networks: null };
  }
  const key: ApiKey | null = await c.var.directory.findKey(hash);
  return key === null ? null : { name: key.name, role: key.role, networks: key.networks };
}

/** SHA-256 of a key's text, lower-case hex: how keys are stored. */
export async function hashKey(text: string): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}
