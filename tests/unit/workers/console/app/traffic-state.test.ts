import { describe, expect, it } from "vitest";
import { LiveTraffic } from "../../../../../protocol/api/live.ts";
import type { TrafficGroup } from "../../../../../protocol/api/traffic.ts";
import {
  applyTraffic,
  MAX_RECORDS,
  NO_TRAFFIC,
  type TrafficState,
} from "../../../../../workers/console/app/live/traffic-state.ts";
import { StandInNetwork } from "../../../../support/console-stand-in/network.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

type Told = Exclude<LiveTraffic, { type: "error" }>;

function told(message: object): Told {
  const parsed = LiveTraffic.parse(message);
  if (parsed.type === "error") throw new Error("The message is an error.");
  return parsed;
}

const network = new StandInNetwork({ sites: 6, broken: false, now: NOW });
const begun = (): TrafficState =>
  applyTraffic(NO_TRAFFIC, told({ type: "traffic", traffic: network.traffic(900, 10, NOW) }));

const tick = (afterMs: number, groups: readonly object[]) =>
  told({ type: "tick", at: new Date(NOW + afterMs).toISOString(), groups, reporters: [] });

describe("the state of the channel of traffic", () => {
  it("replaces the newest step within the step's time", () => {
    const before = begun();
    const [group] = before.traffic?.groups ?? [];
    const next = applyTraffic(before, tick(5000, [{ ...group, points: [{ requests: 77 }] }]));
    const [changed, other] = next.traffic?.groups ?? [];
    expect(changed?.points).toHaveLength(90);
    expect(changed?.points.at(-1)).toEqual({ requests: 77 });
    expect(other).toBe(before.traffic?.groups[1]);
  });

  it("moves the window by the steps that passed, for groups without traffic as well", () => {
    const before = begun();
    const [group] = before.traffic?.groups ?? [];
    const next = applyTraffic(before, tick(30_000, [{ ...group, points: [{ requests: 77 }] }]));
    expect(Date.parse(next.traffic?.from ?? "") - Date.parse(before.traffic?.from ?? "")).toBe(30_000);
    const [changed, quiet] = next.traffic?.groups ?? [];
    expect(changed?.points.slice(-3)).toEqual([null, null, { requests: 77 }]);
    expect(quiet?.points.slice(-3)).toEqual([null, null, null]);
    expect(quiet?.points[0]).toEqual(before.traffic?.groups[1]?.points[3]);
  });

  it("adds a group that is new, with an empty past", () => {
    const before = begun();
    const [group] = before.traffic?.groups ?? [];
    const next = applyTraffic(before, tick(0, [{ ...group, service: "fresh", points: [{ opened: 1 }] }]));
    const fresh = next.traffic?.groups.find(({ service }: TrafficGroup) => service === "fresh");
    expect(fresh?.points.filter((point) => point !== null)).toEqual([{ opened: 1 }]);
    expect(fresh?.points).toHaveLength(90);
  });

  it("forgets the past after a pause that is longer than the window", () => {
    const next = applyTraffic(begun(), tick(3_600_000, []));
    expect(
      next.traffic?.groups.every(
        ({ points }) => points.length === 90 && points.every((each) => each === null),
      ),
    ).toBe(true);
  });

  it("keeps the newest records, numbered without gaps, and counts those left out", () => {
    let state = begun();
    for (let round = 0; round < 60; round += 1) {
      const records = Array.from({ length: 100 }, () => network.record(NOW)).filter((each) => each !== null);
      state = applyTraffic(state, told({ type: "records", records, left: 2 }));
    }
    expect(state.records).toHaveLength(MAX_RECORDS);
    expect(state.records.at(-1)?.number).toBe(6000);
    expect(state.records[0]?.number).toBe(1001);
    expect(state.left).toBe(120);
  });

  it("ignores a tick before the answer to the query", () => {
    expect(applyTraffic(NO_TRAFFIC, tick(0, []))).toBe(NO_TRAFFIC);
  });
});
