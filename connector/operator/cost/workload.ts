/** What a network does in a day, as an operator describes it, and the events that follow from it. */
import { MAX_LANE_MESSAGE } from "../../../protocol/carrier/lane.ts";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import type { EventName } from "./footprints.ts";

export interface Workload {
  readonly sites: number;
  /** Pairs of sites with a connection open all day. */
  readonly openPairs: number;
  /** Connections opened in a day by all other pairs together, evenly spread over the pairs and the day. */
  readonly connections: number;
  /** How long each of those connections is open, s. */
  readonly connectionSeconds: number;
  /** Lanes of each session. */
  readonly lanes: number;
  /** Messages a second that each open pair relays, of both directions. */
  readonly messagesPerSecond: number;
  /** Time of a day in which there is traffic that is counted, at all sites together, s. */
  readonly trafficSeconds: number;
  /** Interval of an uplink's keep-alive, s. */
  readonly keepaliveSeconds: number;
  /** How often in a day an uplink or a lane is lost: a deployment, an update of the platform, a change of network. */
  readonly reconnects: number;
  /** Calls of the API in a day by people and programs. */
  readonly calls: number;
  /** Tokens created and redeemed in a day. */
  readonly tokens: number;
}

/** What is assumed where the operator says nothing. */
export const DEFAULT_WORKLOAD: Omit<Workload, "sites"> = {
  openPairs: 0,
  connections: 0,
  connectionSeconds: 1,
  lanes: 1,
  messagesPerSecond: 0,
  trafficSeconds: 0,
  keepaliveSeconds: KEEPALIVE.everyMs / 1000,
  reconnects: 1,
  calls: 100,
  tokens: 1,
};

/** Seconds of a day. */
export const DAY_S = 86_400;

/** A session without streams releases its lanes after this time, s: `parkAfterMs` in `connector/session/limits.ts`. */
export const PARK_AFTER_S = 60;

/** A session without lanes ends after this time, s: `parkedMs` in `connector/session/limits.ts`. */
export const PARKED_S = 600;

/** The registry sweeps at this interval while there are sessions, s: `SWEEP_MS` in `workers/registry/policy/uplinks.ts`. */
export const SWEEP_S = 60;

/** Every site reports its traffic at this interval, s: `UNASKED_MS` in `workers/telemetry/policy/cadence.ts`. */
export const REPORT_S = 60;

/** What was reported is stored at this interval, s: `STORE_MS` in `workers/telemetry/recorder.ts`. */
export const STORE_S = 60;

/**
 * A certificate is renewed after this time, s: half of `SITE_CERTIFICATE_MS` in `workers/authority/certificates.ts`. The
 * connector then opens another uplink with it.
 */
export const RENEW_AFTER_S = 12 * 3600;

export interface Day {
  readonly events: Readonly<Record<EventName, number>>;
  /** Time for which the object that counts traffic is awake, s. */
  readonly countingSeconds: number;
  /** Time for which routers have lanes, added up over all pairs, s. */
  readonly laneSeconds: number;
  /** Messages that lanes relay. */
  readonly relayed: number;
  /** Keep-alives of all uplinks, which the runtime answers. */
  readonly keepalives: number;
}

/** Messages that carry so many bytes, if each is as large as it can be. */
export const messagesFor = (bytes: number): number => bytes / MAX_LANE_MESSAGE;

export const pairsOf = (sites: number): number => (sites * (sites - 1)) / 2;

/** The events of a day. */
export function dayOf(load: Workload): Day {
  const { sites, openPairs, lanes, reconnects } = load;
  const { awake, woken, laneSeconds, sessionSeconds, ended } = quietPairs(load);
  const alwaysOpen = openPairs + awake;
  // The lanes of an open pair are lost as often as uplinks are.
  const resumptions = alwaysOpen * reconnects + (ended ? 0 : woken);
  const sessions = ended ? woken : 0;
  const renewals = (sites * DAY_S) / RENEW_AFTER_S;
  // What is reported last is stored with the end of the minute.
  const countingSeconds = load.trafficSeconds > 0 ? Math.min(DAY_S, load.trafficSeconds + STORE_S) : 0;
  const inUse = alwaysOpen > 0 ? DAY_S : Math.min(DAY_S, sessionSeconds);
  return {
    events: {
      call: load.calls,
      token: load.tokens,
      reconnect: renewals + sites * reconnects,
      renewal: renewals,
      session: sessions,
      resumption: resumptions,
      lane: lanes * (sessions + resumptions),
      sweep: inUse / SWEEP_S,
      telemetry: load.trafficSeconds > 0 ? sites * (1 + reconnects) : 0,
      report: (sites * load.trafficSeconds) / REPORT_S,
      storing: countingSeconds / STORE_S,
    },
    countingSeconds,
    laneSeconds: alwaysOpen * DAY_S + laneSeconds,
    relayed: openPairs * load.messagesPerSecond * DAY_S,
    keepalives: (sites * DAY_S) / load.keepaliveSeconds,
  };
}

/**
 * What the connections of the pairs that are not always open cause. Each holds its pair's lanes while it is open and for
 * {@link PARK_AFTER_S} more.
 */
function quietPairs({ sites, openPairs, connections, connectionSeconds }: Workload) {
  const pairs = pairsOf(sites) - openPairs;
  const none = { awake: 0, woken: 0, laneSeconds: 0, sessionSeconds: 0, ended: true };
  if (pairs === 0 || connections === 0) return none;
  const held = connectionSeconds + PARK_AFTER_S;
  const interval = (DAY_S * pairs) / connections;
  // The next connection comes before the lanes are released: they never are.
  if (interval <= held) return { ...none, awake: pairs };
  const remembered = held + PARKED_S;
  const ended = interval > remembered;
  const sessionSeconds = ended ? connections * remembered : DAY_S;
  return { awake: 0, woken: connections, laneSeconds: connections * held, sessionSeconds, ended };
}
