/** What the live channel of the registry told so far. Pure: messages go in, the next state comes out. */
import type { NetworkEvent } from "../../../../protocol/api/events.ts";
import type { LiveStatus, SilentSite } from "../../../../protocol/api/live.ts";
import type { NetworkStatus } from "../../../../protocol/api/status.ts";

/** Events that are kept. */
export const MAX_LIVE_EVENTS = 500;

/** The status of a network as it was last told. What did not change keeps its identity. */
export interface StatusState {
  /** The number of the last message; null before the first. */
  readonly seq: number | null;
  /** When the edge sent the last message, ISO 8601. */
  readonly at: string | null;
  readonly status: NetworkStatus | null;
  /** The last events, oldest first. */
  readonly events: readonly NetworkEvent[];
  readonly silent: readonly SilentSite[];
}

export const NO_STATUS: StatusState = { seq: null, at: null, status: null, events: [], silent: [] };

type Change = Exclude<LiveStatus, { type: "error" }>;
type Delta = Extract<LiveStatus, { type: "delta" }>;

/** Applies a message. Null after a gap: the viewer has to connect again. */
export function applyStatus(state: StatusState, message: Change): StatusState | null {
  if (message.type === "snapshot") {
    const { seq, at, status, events, silent } = message;
    return { seq, at, status, events: events.slice(-MAX_LIVE_EVENTS), silent };
  }
  if (state.status === null || state.seq === null || message.seq !== state.seq + 1) return null;
  return {
    seq: message.seq,
    at: message.at,
    status: changedStatus(state.status, message),
    events:
      message.events === undefined || message.events.length === 0
        ? state.events
        : withEvents(state.events, message.events),
    silent: message.silent ?? state.silent,
  };
}

function changedStatus(status: NetworkStatus, delta: Delta): NetworkStatus {
  const { network, sites, links, services } = delta;
  if (network === undefined && sites === undefined && links === undefined && services === undefined)
    return status;
  return {
    ...status,
    network: network ?? status.network,
    sites: patched(status.sites, sites, (site) => site.id),
    links: patched(status.links, links, (link) => link.id),
    services: patched(status.services, services, (service) => service.name),
  };
}

/** A list with entries replaced, added and removed. Entries keep their places; new ones are put in by name. */
export function patched<T extends { readonly name: string }>(
  list: T[],
  patch: { readonly put: readonly T[]; readonly gone: readonly string[] } | undefined,
  idOf: (entry: T) => string,
): T[] {
  if (patch === undefined || (patch.put.length === 0 && patch.gone.length === 0)) return list;
  const put = new Map(patch.put.map((entry) => [idOf(entry), entry]));
  const gone = new Set(patch.gone);
  const kept = list.filter((entry) => !gone.has(idOf(entry)));
  const known = new Set(kept.map(idOf));
  const next = kept.map((entry) => put.get(idOf(entry)) ?? entry);
  for (const [id, entry] of put) {
    if (known.has(id)) continue;
    const place = next.findIndex((each) => each.name > entry.name);
    next.splice(place === -1 ? next.length : place, 0, entry);
  }
  return next;
}

/** An event that combines several replaces its earlier form, which has the same id. */
function withEvents(events: readonly NetworkEvent[], added: readonly NetworkEvent[]): NetworkEvent[] {
  const ids = new Set(added.map((event) => event.id));
  return [...events.filter((event) => !ids.has(event.id)), ...added]
    .sort((a, b) => a.id - b.id)
    .slice(-MAX_LIVE_EVENTS);
}
