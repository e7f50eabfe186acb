/** Whoever calls the API, and what that one may do. Pure decisions; the least roles are in roles.ts. */
import type { Role } from "../../protocol/api/keys.ts";
import type { Network } from "../../protocol/api/networks.ts";
import { highestRole, roleSuffices } from "./roles.ts";

/** A role, and where it holds. */
export interface Grant {
  readonly role: Role;
  /** Ids or names of networks; null is all. A name is never taken for an id: networks cannot be named so. */
  readonly networks: readonly string[] | null;
}

export interface Caller {
  /** The key's name, or who the identity token says it is: the actor in events. */
  readonly name: string;
  /** A key has one; an identity token may have several. */
  readonly grants: readonly Grant[];
}

type Named = Pick<Network, "id" | "name">;

const holdsIn = ({ networks }: Grant, network: Named): boolean =>
  networks === null || networks.includes(network.id) || networks.includes(network.name);

/** Whether a caller may do in a network what `least` is asked for. */
export function permitsIn(caller: Caller, least: Role, network: Named): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least) && holdsIn(grant, network));
}

/** Whether a caller may do in every network, those to come included, what `least` is asked for. */
export function permitsEverywhere(caller: Caller, least: Role): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least) && grant.networks === null);
}

/** Whether a caller may do somewhere what `least` is asked for. */
export function permitsSomewhere(caller: Caller, least: Role): boolean {
  return caller.grants.some((grant) => roleSuffices(grant.role, least));
}

/** The caller's highest role, for messages. */
export function roleOf(caller: Caller): Role | null {
  return highestRole(caller.grants.map(({ role }) => role));
}
