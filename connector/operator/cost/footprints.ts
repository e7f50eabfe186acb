/**
 * What each event costs on the platform: counted in the code of the Worker and its objects, and measured where the code
 * does not say it. An object is taken to sleep before each event, which is the dearest case.
 */

import { DEFAULT_QUOTAS } from "../../../protocol/api/quotas.ts";

/** Rows that an event reads and writes in a registry. Reads grow with the number of sites. */
export interface Rows {
  readonly read: number;
  readonly readPerSite: number;
  readonly written: number;
}

/** One event's share of what is billed. */
export interface Footprint {
  /** Requests to the Worker: of the API, and upgrades of uplinks, lanes and telemetry connections. */
  readonly worker: number;
  /** CPU time of the Worker for all of these, ms. */
  readonly cpuMs: number;
  /** Requests and calls to objects, and alarms. */
  readonly object: number;
  /** Incoming messages over uplinks and telemetry connections. */
  readonly messages: number;
  readonly rows: Rows;
}

/**
 * Rows of a registry's operations, as the database counts them, with the row that each alarm's setting is billed as.
 * `tests/edge/registry/rows.test.ts` measures them in workerd and holds this table to what it finds.
 */
export const ROWS = {
  /** A registry that slept reads its migrations, its network, its sites and their offers. */
  wake: { read: 55, readPerSite: 3, written: 0 },
  createToken: { read: 10, readPerSite: 2, written: 8 },
  redeem: { read: 29, readPerSite: 2, written: 32 },
  /** An uplink is lost, its offers keep their grace, and it comes back with its hello. */
  reconnect: { read: 84, readPerSite: 22, written: 38 },
  renew: { read: 22, readPerSite: 1, written: 12 },
  /** A session is granted, to a pair that may be new, and the alarm for the sweep is set. */
  grant: { read: 11, readPerSite: 8, written: 7 },
  resume: { read: 12, readPerSite: 5, written: 4 },
  end: { read: 16, readPerSite: 10, written: 1 },
  /** Both dials of a lane, each of which asks the registry twice. */
  lane: { read: 13, readPerSite: 5, written: 0 },
  /** The sweep, which sets the next alarm. */
  sweep: { read: 5, readPerSite: 2, written: 1 },
  status: { read: 6, readPerSite: 8, written: 0 },
} as const satisfies Record<string, Rows>;

/** Size of a registry's database, bytes: tables and indexes of a small network, and what each site adds to them. */
export const STORED = { registry: 215_000, perSite: 5000, directory: 25_000 } as const;

/**
 * Size of one row of the event log with its indexes, bytes, rounded up. The log keeps as many events as the quota says,
 * and half as many again for events that sites cause.
 */
export const EVENT_BYTES = 500;

/** Events that a network keeps, unless its quota says otherwise, with those that sites cause. */
export const EVENTS = DEFAULT_QUOTAS.events * 1.5;

/**
 * CPU time of the Worker's paths, ms: measured under workerd together with the objects that the Worker calls
 * (docs/cost.md, `npm run bench -- --only cpu`), rounded up. The Worker's own part is smaller.
 */
export const CPU_MS = { call: 8, redeem: 10, uplink: 11, lane: 8 } as const;

const sum = (...parts: readonly Rows[]): Rows => ({
  read: parts.reduce((total, { read }) => total + read, 0),
  readPerSite: parts.reduce((total, { readPerSite }) => total + readPerSite, 0),
  written: parts.reduce((total, { written }) => total + written, 0),
});

/** A row of the directory's database: it has one JSON value, and the time at which a key was last used. */
const directory = (read: number, written = 0): Rows => ({ read, readPerSite: 0, written });

export const FOOTPRINTS = {
  /**
   * A call of the API: `workers/api/authentication.ts` asks the directory for the key, `route-access.ts` for the
   * network, and the handler calls the registry. The use of a key is written.
   */
  call: {
    ...{ worker: 1, cpuMs: CPU_MS.call, object: 3, messages: 0 },
    rows: sum(ROWS.wake, ROWS.status, directory(3, 1)),
  },
  /** A token is created by a call of the API, and redeemed by another one, which needs no key. */
  token: {
    ...{ worker: 2, cpuMs: CPU_MS.call + CPU_MS.redeem, object: 5, messages: 0 },
    rows: sum(ROWS.wake, ROWS.createToken, ROWS.wake, ROWS.redeem, directory(4, 1)),
  },
  /**
   * An uplink ends and is opened again: the upgrade at the Worker, the directory (`gateway/known-networks.ts` may have
   * it cached), the registry, the end of the old socket, and the alarm after the grace of its offers. Messages: `hello`,
   * `listeners`, and the measured round trip.
   */
  reconnect: {
    ...{ worker: 1, cpuMs: CPU_MS.uplink, object: 4, messages: 3 },
    rows: sum(ROWS.wake, ROWS.wake, ROWS.reconnect, ROWS.wake, ROWS.sweep, directory(1)),
  },
  /** Certificates are renewed over the uplink: one message. */
  renewal: { worker: 0, cpuMs: 0, object: 0, messages: 1, rows: sum(ROWS.wake, ROWS.renew) },
  /** A session is requested and, later, reported as ended by both sides. */
  session: {
    ...{ worker: 0, cpuMs: 0, object: 0, messages: 3 },
    rows: sum(ROWS.wake, ROWS.grant, ROWS.wake, ROWS.end, ROWS.wake),
  },
  /** A session without lanes gets new ones. */
  resumption: { worker: 0, cpuMs: 0, object: 0, messages: 1, rows: sum(ROWS.wake, ROWS.resume) },
  /**
   * A lane: both sides dial it. For each dial, `workers/gateway/gateway.ts` asks the directory, asks the registry before
   * and after, and calls the router.
   */
  lane: {
    ...{ worker: 2, cpuMs: 2 * CPU_MS.lane, object: 8, messages: 0 },
    rows: sum(ROWS.wake, ROWS.lane, directory(2)),
  },
  /** The registry's alarm, while there are sessions (`nextSweep` in `workers/registry/policy/uplinks.ts`). */
  sweep: { worker: 0, cpuMs: 0, object: 1, messages: 0, rows: sum(ROWS.wake, ROWS.sweep) },
  /**
   * A telemetry connection: the upgrade at the Worker, the directory, the registry, the object that counts traffic, and
   * the end of the socket. Message: `hello`.
   */
  telemetry: {
    ...{ worker: 1, cpuMs: CPU_MS.uplink, object: 4, messages: 1 },
    rows: sum(ROWS.wake, directory(1)),
  },
  /** A report of a site's traffic, in one message. */
  report: { worker: 0, cpuMs: 0, object: 0, messages: 1, rows: sum() },
  /** The alarm that stores what was counted: `tests/edge/telemetry/load.test.ts` holds the rows to this. */
  storing: { worker: 0, cpuMs: 0, object: 1, messages: 0, rows: { read: 5, readPerSite: 0, written: 5 } },
} as const satisfies Record<string, Footprint>;

export type EventName = keyof typeof FOOTPRINTS;
export const EVENT_NAMES = Object.keys(FOOTPRINTS) as readonly EventName[];
