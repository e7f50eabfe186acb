/** What this site sees in its network, as the registry told it. */
import type { VisibleService } from "../../protocol/uplink/messages.ts";

/** Services by name. Never changed in place. */
export type Catalogue = ReadonlyMap<string, VisibleService>;

export const EMPTY_CATALOGUE: Catalogue = new Map();

/** What `welcome` brings: everything, in place of what was known. */
export function fromWelcome(services: readonly VisibleService[]): Catalogue {
  return new Map(services.map((service) => [service.name, service]));
}

/** What `services` brings: `put` adds or replaces, `gone` removes. A name in both is there. */
export function withChanges(
  catalogue: Catalogue,
  change: { readonly put: readonly VisibleService[]; readonly gone: readonly string[] },
): Catalogue {
  const next = new Map(catalogue);
  for (const name of change.gone) next.delete(name);
  for (const service of change.put) next.set(service.name, service);
  return next;
}

/** Names that a welcome that is not all did not bring: they stay until it is, lest a listener closes for a moment. */
export function leftOver(before: Catalogue, services: readonly VisibleService[]): ReadonlySet<string> {
  const told = new Set(services.map(({ name }) => name));
  return new Set([...before.keys()].filter((name) => !told.has(name)));
}

/** Services that only this site offers have no offers here, and need no listener. */
export function reachable(catalogue: Catalogue): VisibleService[] {
  return [...catalogue.values()].filter((service) => service.offers.length > 0);
}
