/** Traffic of the network that works: from west to api at east. */
import type { Traffic, TrafficGroup } from "../../../../protocol/api/traffic.ts";
import { SINCE } from "./example-network.ts";

/** A group without anything. */
export const trafficGroup = (changes: Partial<TrafficGroup> = {}): TrafficGroup => ({
  from: { id: "s-west", name: "west" },
  to: { id: "s-east", name: "east" },
  service: "api",
  ...{ protocol: null, process: null, target: null, method: null, code: null },
  totals: {
    ...{ opened: 9, closed: 9, failed: 0, requests: 0, requestsFailed: 0 },
    ...{ bytesToTarget: 0, bytesToClient: 0, latency: [] },
  },
  points: [],
  ...changes,
});

/** Traffic in one step of 15 minutes. */
export const traffic = (...groups: TrafficGroup[]): Traffic => ({
  at: "2026-11-26T12:00:00.000Z",
  from: "2026-11-26T11:45:00.000Z",
  stepSeconds: 900,
  since: SINCE,
  reporters: [],
  groups,
});
