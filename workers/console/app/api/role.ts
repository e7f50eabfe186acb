/** What the signed-in user may do. */
import { useQuery } from "@tanstack/react-query";
import type { ConsoleSession } from "../../../../protocol/api/console.ts";
import type { Role } from "../../../../protocol/api/keys.ts";
import { networksQuery, sessionQuery } from "./queries.ts";

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** The highest role of a user in a network, by its name or id; null without any. For all networks, `network` is null. */
export function roleIn(
  user: ConsoleSession["user"],
  network: { readonly id: string; readonly name: string } | null,
): Role | null {
  const roles = (user?.grants ?? [])
    .filter(
      ({ networks }) =>
        networks === null ||
        (network !== null && (networks.includes(network.id) || networks.includes(network.name))),
    )
    .map(({ role }) => role);
  return roles.sort((a, b) => RANK[b] - RANK[a])[0] ?? null;
}

/** Why the user may not do what needs a role; null if the user may. */
export function refusal(role: Role | null, least: Role): string | null {
  if (role !== null && RANK[role] >= RANK[least]) return null;
  const article = least === "viewer" ? "a" : "an";
  return `This needs ${article} ${least}. You are ${role === null ? "not signed in" : role === "viewer" ? "a viewer" : `an ${role}`}.`;
}

/** Why the user may not do in a network what needs a role; null if the user may. */
export function useRefusal(network: string | null, least: Role): string | null {
  const session = useQuery(sessionQuery);
  const networks = useQuery({ ...networksQuery, enabled: network !== null });
  const found = networks.data?.find((each) => each.name === network || each.id === network);
  const place = network === null ? null : (found ?? { id: network, name: network });
  return refusal(roleIn(session.data?.user ?? null, place), least);
}
