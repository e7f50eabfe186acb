import { describe, expect, it } from "vitest";
import {
  DAY_S,
  DEFAULT_WORKLOAD,
  dayOf,
  messagesFor,
  PARK_AFTER_S,
  PARKED_S,
  pairsOf,
  RENEW_AFTER_S,
  REPORT_S,
  SWEEP_S,
  type Workload,
} from "../../../../../connector/operator/cost/workload.ts";
import { DEFAULT_LIMITS } from "../../../../../connector/session/limits.ts";
import { SITE_CERTIFICATE_MS } from "../../../../../workers/authority/certificates.ts";
import { SWEEP_MS } from "../../../../../workers/registry/policy/uplinks.ts";
import { UNASKED_MS } from "../../../../../workers/telemetry/policy/cadence.ts";

/** An idle network of ten sites where nobody does anything. */
const QUIET: Workload = { ...DEFAULT_WORKLOAD, sites: 10, reconnects: 0, calls: 0, tokens: 0 };

describe("the constants of the model", () => {
  it("are those of the connector and of the Worker", () => {
    expect(PARK_AFTER_S * 1000).toBe(DEFAULT_LIMITS.parkAfterMs);
    expect(PARKED_S * 1000).toBe(DEFAULT_LIMITS.parkedMs);
    expect(DEFAULT_WORKLOAD.lanes).toBe(DEFAULT_LIMITS.lanes);
    expect(SWEEP_S * 1000).toBe(SWEEP_MS);
    expect(REPORT_S * 1000).toBe(UNASKED_MS);
    expect(RENEW_AFTER_S * 1000).toBe(SITE_CERTIFICATE_MS / 2);
  });
});

describe("pairsOf", () => {
  it("counts each pair of sites once", () => {
    expect([1, 2, 10, 100].map(pairsOf)).toEqual([0, 1, 45, 4950]);
  });
});

describe("messagesFor", () => {
  it("counts messages of 64 KiB", () => {
    expect(messagesFor(10 * 65_536)).toBe(10);
  });
});

describe("dayOf", () => {
  it("gives an idle network its renewals, with an uplink for each, and keep-alives that wake nothing", () => {
    const day = dayOf(QUIET);
    expect(day.events).toEqual({
      ...{ call: 0, token: 0, reconnect: 20, renewal: 20 },
      ...{ session: 0, resumption: 0, lane: 0, sweep: 0 },
      ...{ telemetry: 0, report: 0, storing: 0 },
    });
    expect([day.laneSeconds, day.countingSeconds]).toEqual([0, 0]);
    expect(day.keepalives).toBe(10 * 4320);
  });

  it("keeps the lanes of an open pair all day, and sweeps each minute for all of them together", () => {
    const day = dayOf({ ...QUIET, openPairs: 3, lanes: 2, reconnects: 4, messagesPerSecond: 10 });
    expect(day.laneSeconds).toBe(3 * DAY_S);
    expect(day.events).toMatchObject({ sweep: 1440, resumption: 12, lane: 24, session: 0, reconnect: 60 });
    expect(day.relayed).toBe(3 * 10 * DAY_S);
  });

  it("opens a session for a rare connection, whose lanes stay for a minute and whose session for eleven", () => {
    const day = dayOf({ ...QUIET, connections: 10, connectionSeconds: 5 });
    expect(day.events).toMatchObject({ session: 10, resumption: 0, lane: 10 });
    expect(day.laneSeconds).toBe(10 * 65);
    expect(day.events.sweep).toBeCloseTo((10 * 665) / 60, 10);
  });

  it("resumes the session where the next connection of a pair comes before it ends", () => {
    // Two sites, one pair: every 432 seconds.
    const day = dayOf({ ...QUIET, sites: 2, connections: 200 });
    expect(day.events).toMatchObject({ session: 0, resumption: 200, lane: 200, sweep: 1440 });
    expect(day.laneSeconds).toBe(200 * 61);
  });

  it("never releases the lanes where the next connection comes before that", () => {
    // One pair: every 43 seconds.
    const day = dayOf({ ...QUIET, sites: 2, connections: 2000 });
    expect(day.laneSeconds).toBe(DAY_S);
    expect(day.events).toMatchObject({ session: 0, resumption: 0, lane: 0, sweep: 1440 });
  });

  it("has every site report each minute while there is traffic, which one object counts", () => {
    const day = dayOf({ ...QUIET, trafficSeconds: 3600, reconnects: 2 });
    expect(day.events).toMatchObject({ telemetry: 30, report: 600, storing: 61 });
    expect(day.countingSeconds).toBe(3660);
    expect(dayOf({ ...QUIET, trafficSeconds: DAY_S }).countingSeconds).toBe(DAY_S);
  });

  it("adds nothing for connections where all pairs are open anyway", () => {
    const all: Workload = { ...QUIET, openPairs: 45 };
    expect(dayOf({ ...all, connections: 1_000_000 })).toEqual(dayOf(all));
  });
});
