import { describe, expect, it } from "vitest";
import type { TrafficGroup, TrafficPoint } from "../../../../../protocol/api/traffic.ts";
import {
  addPoints,
  bytesBySite,
  latencyOf,
  latencyOverTime,
  openOf,
  rank,
  ratesOf,
  ratesOverTime,
  sumOf,
} from "../../../../../workers/console/app/traffic/rates.ts";

const TIME = { from: "2026-11-01T00:00:00.000Z", at: "2026-11-01T00:00:35.000Z", stepSeconds: 10 };

const group = (points: (TrafficPoint | null)[], service = "web", opened = 0, closed = 0): TrafficGroup => ({
  from: null,
  to: null,
  service,
  protocol: null,
  process: null,
  target: null,
  method: null,
  code: null,
  totals: {
    opened,
    closed,
    failed: 0,
    requests: 0,
    requestsFailed: 0,
    bytesToTarget: 0,
    bytesToClient: 0,
    latency: [],
  },
  points,
});

describe("rates", () => {
  it("are averages of the newest steps, with the part of the last that has passed", () => {
    const rates = ratesOf(TIME, [
      group([{ opened: 900 }, { opened: 100 }, { opened: 100, failed: 5 }, { opened: 50 }]),
    ]);
    expect(rates).toMatchObject({ streams: 10, failed: 0.2, requests: 0 });
  });

  it("are those of the newest step alone where it is long", () => {
    const time = { ...TIME, stepSeconds: 60, at: "2026-11-01T00:01:30.000Z" };
    expect(ratesOf(time, [group([{ requests: 600 }, { requests: 60 }])]).requests).toBe(2);
  });

  it("are zero without groups, points or a time that has passed", () => {
    expect(ratesOf({ ...TIME, at: TIME.from }, [group([null])]).streams).toBe(0);
    expect(ratesOf(TIME, []).streams).toBe(0);
  });

  it("of a site count what it sends and what it receives, and what stays within it once", () => {
    const [west, east] = ["west", "east"].map((name) => ({ id: `s-${name}`, name }));
    if (west === undefined || east === undefined) throw new Error("There are two sites.");
    const points = [
      { bytesToClient: 200 },
      { bytesToClient: 200 },
      { bytesToTarget: 200 },
      { bytesToTarget: 150 },
    ];
    const rates = bytesBySite({
      ...TIME,
      groups: [
        { ...group(points), from: west, to: east },
        { ...group(points), from: west, to: west },
      ],
    });
    expect([...rates]).toEqual([
      ["west", 44],
      ["east", 22],
    ]);
  });

  it("over time divide each step by its length, and add up over groups", () => {
    const { times, values } = ratesOverTime(
      TIME,
      [
        group([{ bytesToTarget: 10 }, null, { bytesToClient: 30 }, { bytesToTarget: 5 }]),
        group([{ bytesToTarget: 10 }]),
      ],
      ["bytesToTarget", "bytesToClient"],
    );
    expect(values).toEqual([2, 0, 3, 1]);
    expect(times.map((time) => time - (times[0] ?? 0))).toEqual([0, 10, 20, 30]);
  });
});

describe("latency", () => {
  const groups = [group([{ latency: [[3, 99]] }, null]), group([null, { latency: [[12, 1]] }])];

  it("is estimated from the histograms of all groups", () => {
    const { p50, p99 } = latencyOf(groups);
    expect(p50).toBeLessThanOrEqual(1);
    expect(p99).toBeLessThanOrEqual(1);
    expect(latencyOf([])).toEqual({ p50: null, p99: null });
  });

  it("over time is null in steps without durations", () => {
    expect(latencyOverTime(TIME, [group([null, { latency: [[12, 1]] }])], 0.5).values).toEqual([null, 12.5]);
  });
});

describe("sums", () => {
  it("count the points of a window, and streams that are open", () => {
    expect(sumOf([group([{ requests: 2 }, null, { requests: 3 }])], "requests")).toBe(5);
    expect(openOf([group([], "web", 7, 4), group([], "web", 1, 3)])).toBe(3);
  });

  it("rank groups by their bytes, then by key", () => {
    const ranked = rank(
      [
        group([{ bytesToTarget: 1 }], "a"),
        group([{ bytesToClient: 9 }], "b"),
        group([null], "c"),
        group([null], "0"),
      ],
      ({ service }) => (service === "c" ? null : service),
    );
    expect(ranked.map(({ key, bytes }) => [key, bytes])).toEqual([
      ["b", 9],
      ["a", 1],
      ["0", 0],
    ]);
  });

  it("add two points with their histograms", () => {
    expect(
      addPoints(
        { opened: 1, latency: [[1, 2]] },
        {
          opened: 2,
          failed: 1,
          latency: [
            [1, 1],
            [4, 1],
          ],
        },
      ),
    ).toEqual({
      opened: 3,
      failed: 1,
      latency: [
        [1, 3],
        [4, 1],
      ],
    });
    expect(addPoints(null, { opened: 1 })).toEqual({ opened: 1 });
  });
});
