/** How components read what is live. */
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";
import type { TrafficQuery } from "../../../../protocol/api/traffic.ts";
import { type LiveState, LiveStore } from "./live-store.ts";

const LiveContext = createContext<LiveStore | null>(null);

/** Connects to a network for as long as it is mounted. */
export function LiveNetwork({ network, children }: { network: string; children: ReactNode }) {
  const store = useMemo(() => new LiveStore(network), [network]);
  useEffect(() => store.start(), [store]);
  return <LiveContext value={store}>{children}</LiveContext>;
}

/** The store of the network. @throws Error outside of a {@link LiveNetwork} */
export function useLiveStore(): LiveStore {
  const store = useContext(LiveContext);
  if (store === null) throw new Error("No network is open here.");
  return store;
}

/**
 * Selects from what is live, and renders again only when the selection changes.
 *
 * @param select a function that is the same at each render
 * @param same compares selections; by identity unless given
 */
export function useLive<T>(select: (state: LiveState) => T, same: (a: T, b: T) => boolean = Object.is): T {
  const store = useLiveStore();
  const last = useRef<{ readonly state: LiveState; readonly select: unknown; readonly value: T } | null>(
    null,
  );
  const read = (): T => {
    const { state } = store;
    const before = last.current;
    if (before !== null && before.state === state && before.select === select) return before.value;
    const selected = select(state);
    const value = before !== null && same(before.value, selected) ? before.value : selected;
    last.current = { state, select, value };
    return value;
  };
  return useSyncExternalStore(store.subscribe, read);
}

const selectStatus = (state: LiveState) => state.status;
const selectEvents = (state: LiveState) => state.events;
const selectSilent = (state: LiveState) => state.silent;
const selectTraffic = (state: LiveState) => state.traffic.traffic;
const selectTrafficPhase = (state: LiveState) => state.trafficPhase;
const selectRecords = (state: LiveState) => state.traffic.records;
const selectLeft = (state: LiveState) => state.traffic.left;
const selectPhase = (state: LiveState) => state.phase;

/** The status of the network; null before the first answer. */
export const useStatus = () => useLive(selectStatus);
/** The last events, oldest first. */
export const useEvents = () => useLive(selectEvents);
/** Instances that have been silent for too long. */
export const useSilent = () => useLive(selectSilent);
/** The state of the channel of status and events. */
export const usePhase = () => useLive(selectPhase);

/** The traffic of the network, for as long as the component is mounted; null before the answer. */
export function useTraffic(query: TrafficQuery) {
  const store = useLiveStore();
  const { window, by, service, site } = query;
  useEffect(
    () =>
      store.wantTraffic({
        window,
        ...(by === undefined ? {} : { by }),
        ...(service === undefined ? {} : { service }),
        ...(site === undefined ? {} : { site }),
      }),
    [store, window, by, service, site],
  );
  return { traffic: useLive(selectTraffic), phase: useLive(selectTrafficPhase) };
}

/** Records that match a filter, as they happen, for as long as the component is mounted; none while `filter` is null. */
export function useTail(filter: string | null) {
  const store = useLiveStore();
  useEffect(() => (filter === null ? undefined : store.wantTail(filter)), [store, filter]);
  return { records: useLive(selectRecords), left: useLive(selectLeft) };
}
