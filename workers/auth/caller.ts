/** The caller of the API, and what it may do. Pure; the least role of each operation is in roles.ts. */
import type { Role } from "../../protocol/api/keys.ts";
import type { Network } from "../../protocol/api/networks.ts";
import { highestRole, roleSuffices } from "./roles.ts";

/** A role, and the networks in which it holds. */
export interface Grant {
  readonly role: Role;
  /** Ids or names of networks; null means all. No network has a name of the form of an id. */
  readonly networks: readonly string[] | null;
}

export interface Caller {
  /** The actor in events: the key's name, or the identity that an identity token proves. */
  readonly name: string;
  /** A key has one grant, an identity token one or more. */
  readonly grants: readonly Grant[];
}

type Named = Pick<Network, "id" | "name">;

const holdsIn = ({ networks }: Grant, network: Named): boolean =>
  networks === null || networks.includes(network.id) || networks.includes(network.name);

/** Whether a caller has the role `least` in a network. */
export function permitsIn(caller: Caller, least: Role, network: Named): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least) && holdsIn(grant, network));
}

/** Whether a caller has the role `least` in every network, including future ones. */
export function permitsEverywhere(caller: Caller, least: Role): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least) && grant.networks === null);
}

/** Whether a caller has the role `least` in any network. */
export function permitsSomewhere(caller: Caller, least: Role): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least));
}

/** The caller's highest role, for messages; null without any. */
export function roleOf(caller: Caller): Role | null {
  return highestRole(caller.grants.map(({ role }) => role));
}
