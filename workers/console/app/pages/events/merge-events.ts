/** Events of the log and of the live channel in one list. */
import type { NetworkEvent } from "../../../../../protocol/api/events.ts";

/** Whether an event is of a type, or a group of types, and about a site. */
export function wants(
  event: NetworkEvent,
  { type, site }: { type?: string | undefined; site?: string | undefined },
): boolean {
  const isType = type === undefined || event.type === type || event.type.startsWith(`${type}.`);
  return isType && (site === undefined || event.site === site);
}

/** Both lists in one, newest first, each event once: what is live is newer than what was read. */
export function merged(read: readonly NetworkEvent[], live: readonly NetworkEvent[]): NetworkEvent[] {
  const byId = new Map(read.map((event) => [event.id, event]));
  for (const event of live) byId.set(event.id, event);
  return [...byId.values()].sort((a, b) => b.id - a.id);
}
