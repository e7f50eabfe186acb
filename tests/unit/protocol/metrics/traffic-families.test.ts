import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exposition } from "../../../../protocol/metrics/exposition.ts";
import { LatencySum } from "../../../../protocol/metrics/latency-histogram.ts";
import type { HistogramValue, MetricFamily } from "../../../../protocol/metrics/metric.ts";
import {
  type MeasuredSeries,
  skupperTrafficFamilies,
  trafficFamilies,
} from "../../../../protocol/metrics/traffic-families.ts";
import {
  SKUPPER_LATENCY_BOUNDS_MS,
  SKUPPER_TRAFFIC,
  TARGET_TRAFFIC,
  TRAFFIC,
} from "../../../../protocol/metrics/traffic-metrics.ts";
import {
  emptyHistogram,
  LATENCY_BOUNDS_MS,
  latencyBucket,
  toSparse,
} from "../../../../protocol/telemetry/latency.ts";
import type { SeriesReport } from "../../../../protocol/telemetry/series.ts";

const west = { id: "s_west", name: "west" };
const east = { id: "s_east", name: "east" };

const values = { opened: 3, closed: 2, failed: 1, bytesToTarget: 10, bytesToClient: 20 };
const stream: SeriesReport = {
  ...{ side: "listener", service: "db", peer: "s_east", protocol: "tcp", process: "psql", target: null },
  ...values,
  latency: [[latencyBucket(0.9), 2]],
  latencySum: 1.8,
};
const atWest = (series: Partial<SeriesReport>): MeasuredSeries => ({
  ...{ site: west, peer: east },
  series: { ...stream, ...series },
});
const atEast = (series: Partial<SeriesReport>): MeasuredSeries => ({
  ...{ site: east, peer: west },
  series: { ...stream, side: "target", process: null, target: "10.0.0.1:5432", ...series },
});

function samplesOf(families: MetricFamily[], { name }: { name: string }) {
  return families.find(({ metric }) => metric.name === name)?.samples ?? [];
}

describe("trafficFamilies", () => {
  it("counts a stream once that two connectors saw, and shows the target's view apart", () => {
    const families = trafficFamilies([atWest({}), atEast({})]);
    const flow = { source_site_id: "s_west", source_site_name: "west", dest_site_id: "s_east" };
    expect(samplesOf(families, TRAFFIC.opened)).toEqual([
      {
        labels: expect.objectContaining({ ...flow, routing_key: "db", source_process_name: "psql" }),
        value: 3,
      },
    ]);
    expect(samplesOf(families, TARGET_TRAFFIC.sent)).toEqual([
      { labels: expect.objectContaining({ ...flow, dest_process_name: "10.0.0.1:5432" }), value: 10 },
    ]);
  });

  it("counts at the target what came by a door", () => {
    const families = trafficFamilies([{ ...atEast({ door: true, peer: null }), peer: null }]);
    expect(samplesOf(families, TRAFFIC.opened)).toEqual([
      { labels: expect.objectContaining({ source_site_name: "door", dest_site_name: "east" }), value: 3 },
    ]);
  });

  it("counts requests by method and code, and no bytes of requests besides those of their streams", () => {
    const requests = [
      atWest({ protocol: "http1", method: "GET", code: "2xx" }),
      atWest({ protocol: "http1", method: "GET", code: "5xx" }),
    ];
    const families = trafficFamilies([atWest({ protocol: "http1" }), ...requests]);
    expect(samplesOf(families, TRAFFIC.requests).map(({ labels, value }) => [labels.code, value])).toEqual([
      ["2xx", 2],
      ["5xx", 2],
    ]);
    expect(samplesOf(families, TRAFFIC.sent)).toEqual([{ labels: expect.anything(), value: 10 }]);
    expect(samplesOf(families, TRAFFIC.requestDuration)).toHaveLength(1);
  });

  it("adds up series of several connectors that have the same labels", () => {
    const families = trafficFamilies([atWest({}), atWest({})]);
    expect(samplesOf(families, TRAFFIC.closed)).toEqual([{ labels: expect.anything(), value: 4 }]);
    const [duration] = samplesOf(families, TRAFFIC.firstByte);
    expect(duration?.value).toMatchObject({ sum: 0.0036 });
  });

  it("has only labels that its metric names", () => {
    const all = [atWest({}), atEast({}), atWest({ method: "GET", code: "none" })];
    for (const { metric, samples } of [...trafficFamilies(all), ...skupperTrafficFamilies(all)])
      for (const { labels } of samples)
        expect(Object.keys(labels).filter((label) => !metric.labels.includes(label))).toEqual([]);
  });

  it("makes no two samples with the same labels", () => {
    const labels = { service: fc.constantFrom("a", "b"), process: fc.constantFrom(null, "p", "") };
    const measured = fc.array(
      fc.record({ ...labels, side: fc.constantFrom("listener" as const, "target" as const) }),
    );
    fc.assert(
      fc.property(measured, (all) => {
        const series = all.map((each) => atWest(each));
        const text = exposition([...trafficFamilies(series), ...skupperTrafficFamilies(series)]);
        const names = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
        const samples = names.map((line) => line.slice(0, line.lastIndexOf(" ")));
        expect(new Set(samples).size).toBe(samples.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("skupperTrafficFamilies", () => {
  it("has Skupper's labels", () => {
    expect(samplesOf(skupperTrafficFamilies([atWest({})]), SKUPPER_TRAFFIC.opened)).toEqual([
      {
        labels: {
          ...{
            source_site_id: "s_west",
            source_site_name: "west",
            dest_site_id: "s_east",
            dest_site_name: "east",
          },
          ...{ source_component_id: "psql", source_component_name: "psql" },
          ...{ dest_component_id: "db", dest_component_name: "db" },
          ...{ routing_key: "db", protocol: "tcp", source_process_name: "psql", dest_process_name: "db" },
        },
        value: 3,
      },
    ]);
  });

  it("exchanges the ends of latencies that targets measured", () => {
    const families = skupperTrafficFamilies([atWest({}), atEast({})]);
    const found = samplesOf(families, SKUPPER_TRAFFIC.latency).map(({ labels }) => [
      labels.direction,
      labels.source_site_name,
      labels.dest_site_name,
    ]);
    expect(found).toEqual([
      ["incoming", "west", "east"],
      ["outgoing", "east", "west"],
    ]);
  });

  it("has Skupper's bounds in microseconds, and the same number of observations", () => {
    const [sample] = samplesOf(skupperTrafficFamilies([atWest({})]), SKUPPER_TRAFFIC.latency);
    const bounds = [1000, 2000, 5000, 10_000, 100_000, 1_000_000, 10_000_000];
    expect(sample?.value).toEqual({ bounds, counts: [2, 0, 0, 0, 0, 0, 0, 0], sum: 1800 });
  });
});

describe("LatencySum", () => {
  it("counts exactly with fewer bounds, as these are among the bounds of connectors", () => {
    expect(LATENCY_BOUNDS_MS).toEqual(expect.arrayContaining([...SKUPPER_LATENCY_BOUNDS_MS]));
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100_000, noNaN: true })), (durations) => {
        const counts = emptyHistogram();
        for (const ms of durations) counts[latencyBucket(ms)] = (counts[latencyBucket(ms)] ?? 0) + 1;
        const sum = new LatencySum();
        sum.add(toSparse(counts), 0);
        const value: HistogramValue = sum.value(1, SKUPPER_LATENCY_BOUNDS_MS);
        const atMost = (bound: number) => durations.filter((ms) => ms <= bound).length;
        let below = 0;
        for (const [index, bound] of SKUPPER_LATENCY_BOUNDS_MS.entries()) {
          below += value.counts[index] ?? 0;
          expect(below).toBe(atMost(bound));
        }
      }),
    );
  });
});
