import { describe, expect, it } from "vitest";
import { TrafficRates } from "../../../../connector/cli/top/traffic-rates.ts";
import { byteCount } from "../../../../connector/cli/views/bytes.ts";
import { newestFlows } from "../../../../connector/control/flows.ts";
import { flowRecord } from "../../../../connector/telemetry/flow-records.ts";
import type { LiveTraffic } from "../../../../protocol/api/live.ts";
import type { TrafficGroup, TrafficTotals } from "../../../../protocol/api/traffic.ts";
import { addressNames, HERE, THERE, testRequest } from "../../../support/telemetry/traffic.ts";

const flow = (given = {}) => ({
  ...flowRecord(testRequest(given), addressNames.nameOf, 0),
  site: { site: HERE, name: "west" },
});

describe("newestFlows", () => {
  it("selects the newest that match, oldest first, and says whether there are more", () => {
    const flows = [3, 2, 1].map((at) => flow({ startedAt: at * 1000, status: 500, path: `/${at}` }));
    const query = { filter: "status:5xx", limit: 2 };
    expect(newestFlows([flow(), ...flows], query)).toMatchObject({
      flows: [{ path: "/2" }, { path: "/3" }],
      more: true,
    });
    const since = new Date(2500).toISOString();
    expect(newestFlows(flows, { filter: "", since, limit: 9 })).toMatchObject({
      flows: [{ path: "/3" }],
      more: false,
    });
    expect(() => newestFlows(flows, { filter: "x:y", limit: 1 })).toThrow(/called x/);
  });
});

describe("TrafficRates", () => {
  const totals = (given: Partial<TrafficTotals>): TrafficTotals => ({
    ...{
      opened: 0,
      closed: 0,
      failed: 0,
      requests: 0,
      requestsFailed: 0,
      bytesToTarget: 0,
      bytesToClient: 0,
    },
    latency: [],
    ...given,
  });
  const group = (given: Partial<TrafficTotals>, points: TrafficGroup["points"] = []): TrafficGroup => ({
    ...{ from: { id: HERE, name: "west" }, to: { id: THERE.site, name: "east" }, service: "api" },
    ...{ protocol: null, process: null, target: null, method: null, code: null },
    totals: totals(given),
    points,
  });
  const at = (seconds: number) => new Date(1_000_000 + seconds * 1000).toISOString();
  const first = (groups: TrafficGroup[]): LiveTraffic => ({
    type: "traffic",
    traffic: { at: at(0), from: at(-900), stepSeconds: 10, since: at(-900), groups, reporters: [] },
  });

  it("takes the rates of the first answer from its last whole steps", () => {
    const rates = new TrafficRates();
    rates.take(
      first([
        group({ opened: 30, closed: 10, requests: 500 }, [{ requests: 200, opened: 20 }, { requests: 3 }]),
      ]),
    );
    expect(rates.rows()).toMatchObject([
      { service: "api", from: "west", to: "east", open: 20, requests: 20, streams: 2, p50: null },
    ]);
  });

  it("takes the rates between ticks, and lets them fall when nothing happens", () => {
    const rates = new TrafficRates();
    rates.take(first([group({ requests: 100 })]));
    const later = group({ requests: 140, requestsFailed: 4, bytesToClient: 2000, latency: [[3, 40]] });
    rates.take({ type: "tick", at: at(2), groups: [later], reporters: [] });
    expect(rates.rows()).toMatchObject([{ requests: 20, errors: 2, bytesToClient: 1000 }]);
    expect(rates.rows()[0]?.p99).toBeCloseTo(1, 0);
    for (let second = 3; second < 30; second++)
      rates.take({ type: "tick", at: at(second), groups: [], reporters: [] });
    expect(rates.rows()).toMatchObject([{ requests: 0, errors: 0, p50: null }]);
  });
});

describe("byteCount", () => {
  it("has two or three digits and a unit", () => {
    expect([0, 999, 1200, 34_000, 999_999, 5e9].map(byteCount)).toEqual([
      "0 B",
      "999 B",
      "1.2 KB",
      "34 KB",
      "1.0 MB",
      "5.0 GB",
    ]);
  });
});
