/** What the live channel of traffic told so far. Pure: messages go in, the next state comes out. */
import type { LiveTraffic } from "../../../../protocol/api/live.ts";
import type { Traffic, TrafficGroup } from "../../../../protocol/api/traffic.ts";
import type { SiteFlowRecord } from "../../../../protocol/telemetry/flow-record.ts";

/** Records of a tail that are kept. */
export const MAX_RECORDS = 5000;

/** A record, with a number that grows by one with each of the tail. */
export interface NumberedRecord {
  readonly number: number;
  readonly record: SiteFlowRecord;
}

/** The traffic of a network as it was last told. */
export interface TrafficState {
  /** Null before the answer to the query. */
  readonly traffic: Traffic | null;
  /** Records of the tail, oldest first. */
  readonly records: readonly NumberedRecord[];
  /** Records of the tail that were left out for limits. */
  readonly left: number;
}

export const NO_TRAFFIC: TrafficState = { traffic: null, records: [], left: 0 };

type Told = Exclude<LiveTraffic, { type: "error" }>;
type Tick = Extract<LiveTraffic, { type: "tick" }>;

/** Applies a message. */
export function applyTraffic(state: TrafficState, message: Told): TrafficState {
  switch (message.type) {
    case "traffic":
      return { ...state, traffic: message.traffic };
    case "tick":
      return state.traffic === null ? state : { ...state, traffic: withTick(state.traffic, message) };
    case "records": {
      const first = (state.records.at(-1)?.number ?? 0) + 1;
      const added = message.records.map((record, index) => ({ number: first + index, record }));
      return {
        ...state,
        records: [...state.records, ...added].slice(-MAX_RECORDS),
        left: state.left + message.left,
      };
    }
  }
}

/** A text that is the same for the same labels. */
export function groupId(group: TrafficGroup): string {
  const { from, to, service, protocol, process, target, method, code } = group;
  return JSON.stringify([from?.id, to?.id, service, protocol, process, target, method, code]);
}

/** Moves the window to the step of the tick, and puts the values of that step in. */
function withTick(traffic: Traffic, tick: Tick): Traffic {
  const stepMs = traffic.stepSeconds * 1000;
  const steps = Math.max(0, ...traffic.groups.map((group) => group.points.length));
  const length = steps || Math.max(...tick.groups.map((group) => group.points.length), 1);
  const start = Date.parse(traffic.from);
  const newest = Math.floor((Date.parse(tick.at) - start) / stepMs);
  const moved = Math.max(0, newest - (length - 1));
  const ticked = new Map(tick.groups.map((group) => [groupId(group), group]));
  const shifted = (points: TrafficGroup["points"]): TrafficGroup["points"] => {
    const padded = [...points, ...Array<null>(Math.max(0, length - points.length)).fill(null)];
    return moved === 0
      ? padded
      : [...padded.slice(moved), ...Array<null>(Math.min(moved, length)).fill(null)];
  };
  const at = newest - moved;
  const groups = traffic.groups.map((group) => {
    const id = groupId(group);
    const change = ticked.get(id);
    if (change === undefined) return moved === 0 ? group : { ...group, points: shifted(group.points) };
    ticked.delete(id);
    return {
      ...group,
      totals: change.totals,
      points: shifted(group.points).with(at, change.points.at(-1) ?? null),
    };
  });
  for (const group of ticked.values()) {
    const points = Array<TrafficGroup["points"][number]>(length).fill(null);
    groups.push({ ...group, points: points.with(at, group.points.at(-1) ?? null) });
  }
  return {
    ...traffic,
    at: tick.at,
    from: new Date(start + moved * stepMs).toISOString(),
    groups,
    reporters: tick.reporters,
  };
}
