/**
 * The least role for each operation of the API. A route without an entry is a type error in route-access.ts.
 * The OpenAPI document has the role as `x-fairlead-role`, and docs/security.md shows the table
 * (scripts/roles.ts).
 */
import type { Role } from "../../protocol/api/keys.ts";

/** The least role for an operation; `public` needs no key. */
export type Least = Role | "public";

export const ROLES = {
  "GET /v1/health": "public",
  "GET /v1/openapi.json": "public",
  "POST /v1/redeem": "public",
  "POST /v1/renew": "public",
  "GET /v1/session": "public",
  "POST /v1/session": "public",
  "DELETE /v1/session": "public",
  "POST /v1/session/links": "viewer",
  "GET /v1/console-users": "admin",
  "PUT /v1/console-users/{user}": "admin",
  "DELETE /v1/console-users/{user}": "admin",
  "GET /v1/networks": "viewer",
  "POST /v1/networks": "admin",
  "GET /v1/networks/{network}": "viewer",
  "DELETE /v1/networks/{network}": "admin",
  "GET /v1/networks/{network}/ca": "viewer",
  "GET /v1/networks/{network}/tokens": "viewer",
  "POST /v1/networks/{network}/tokens": "operator",
  "DELETE /v1/networks/{network}/tokens/{token}": "operator",
  "GET /v1/networks/{network}/sites": "viewer",
  "POST /v1/networks/{network}/sites": "operator",
  "GET /v1/networks/{network}/sites/{site}": "viewer",
  "PATCH /v1/networks/{network}/sites/{site}": "operator",
  "POST /v1/networks/{network}/sites/{site}/revoke": "operator",
  "DELETE /v1/networks/{network}/sites/{site}": "operator",
  "GET /v1/networks/{network}/links": "viewer",
  "DELETE /v1/networks/{network}/links/{link}": "operator",
  "POST /v1/networks/{network}/revoke-access": "operator",
  "GET /v1/networks/{network}/services": "viewer",
  "GET /v1/networks/{network}/services/{service}/balance": "viewer",
  "PATCH /v1/networks/{network}/services/{service}/balance": "operator",
  "DELETE /v1/networks/{network}/services/{service}/balance": "operator",
  "GET /v1/networks/{network}/status": "viewer",
  "GET /v1/networks/{network}/events": "viewer",
  "GET /v1/networks/{network}/live": "viewer",
  "GET /v1/networks/{network}/traffic": "viewer",
  "GET /v1/networks/{network}/flows": "viewer",
  "GET /v1/networks/{network}/metrics": "viewer",
  "GET /v1/networks/{network}/live/traffic": "viewer",
  "GET /v1/networks/{network}/quotas": "viewer",
  "PATCH /v1/networks/{network}/quotas": "admin",
  "GET /v1/networks/{network}/hostnames": "viewer",
  "POST /v1/networks/{network}/hostnames": "admin",
  "DELETE /v1/networks/{network}/hostnames/{pattern}": "admin",
  "GET /v1/networks/{network}/door-keys": "operator",
  "POST /v1/networks/{network}/door-keys": "operator",
  "DELETE /v1/networks/{network}/door-keys/{key}": "operator",
  "GET /v1/networks/{network}/backup": "admin",
  "POST /v1/networks/{network}/restore": "admin",
  "GET /v1/keys": "admin",
  "POST /v1/keys": "admin",
  "DELETE /v1/keys/{key}": "admin",
  "GET /v1/events": "admin",
  "GET /v1/backup": "admin",
  "POST /v1/restore": "admin",
} as const satisfies Record<string, Least>;

export type Operation = keyof typeof ROLES;

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether a role includes the role `least`. */
export function roleSuffices(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}

/** The highest of some roles; null when there is none. */
export function highestRole(roles: readonly Role[]): Role | null {
  return roles.reduce<Role | null>(
    (best, role) => (best === null || RANK[role] > RANK[best] ? role : best),
    null,
  );
}
