/** Makes families of metrics from series of traffic. */
import type { SeriesReport, TrafficProtocol } from "../telemetry/series.ts";
import { LatencySum } from "./latency-histogram.ts";
import { family, type Labels, type Metric, type MetricFamily } from "./metric.ts";
import {
  type FlowLabel,
  type RequestLabel,
  SKUPPER_LATENCY_BOUNDS_MS,
  SKUPPER_TRAFFIC,
  type SkupperFlowLabel,
  TARGET_TRAFFIC,
  TRAFFIC,
  type TrafficMetrics,
} from "./traffic-metrics.ts";

/** Id and name of a site. */
export interface MetricSite {
  readonly id: string;
  readonly name: string;
}

/** A series, with the names of both sites. Series with the same labels add up. */
export interface MeasuredSeries {
  /** The site that counted. */
  readonly site: MetricSite;
  /** The site at the other end; null where it is unknown, and for a door. */
  readonly peer: MetricSite | null;
  readonly series: SeriesReport;
}

/** The name that stands for a door where a site's name is expected. */
export const DOOR_NAME = "door";

/** Whether a series counts in sums over the network: at the listener, or at the target if the client came by a door. */
export function countsOnce({ side, door }: Pick<SeriesReport, "side" | "door">): boolean {
  return side === "listener" || door === true;
}

/** The families with the names of Fairlead. */
export function trafficFamilies(measured: Iterable<MeasuredSeries>): MetricFamily[] {
  const all = [...measured];
  const once = all.filter(({ series }) => countsOnce(series));
  const atTargets = all.filter(({ series }) => series.side === "target");
  return [...familiesOf(TRAFFIC, once), ...familiesOf(TARGET_TRAFFIC, atTargets)];
}

function familiesOf(metrics: TrafficMetrics, measured: readonly MeasuredSeries[]): MetricFamily[] {
  const streams = measured.filter(({ series }) => series.method === undefined);
  const requests = measured.filter(({ series }) => series.method !== undefined);
  const ofStreams = (metric: Metric<FlowLabel>, count: Count) =>
    counter(metric, streams, { labelsOf, count });
  const ofRequests = (metric: Metric<RequestLabel>, count: Count) =>
    counter(metric, requests, { labelsOf: requestLabelsOf, count });
  return [
    ofStreams(metrics.opened, ({ opened }) => opened),
    ofStreams(metrics.closed, ({ closed }) => closed),
    ofStreams(metrics.failed, ({ failed }) => failed),
    // Every request passes in a stream, whose bytes are counted.
    ofStreams(metrics.sent, ({ bytesToTarget }) => bytesToTarget),
    ofStreams(metrics.received, ({ bytesToClient }) => bytesToClient),
    ofRequests(metrics.requests, ({ closed }) => closed),
    ofRequests(metrics.requestsFailed, ({ failed }) => failed),
    histogram(metrics.firstByte, streams, { labelsOf, perMs: PER_SECOND }),
    histogram(metrics.requestDuration, requests, { labelsOf, perMs: PER_SECOND }),
  ];
}

const PER_SECOND = 0.001;

type Count = (series: SeriesReport) => number;

interface Ends {
  /** The client's end, and the target's. */
  readonly source: Partial<MetricSite>;
  readonly dest: Partial<MetricSite>;
}

function endsOf({ site, peer, series }: MeasuredSeries): Ends {
  const other = peer ?? (series.door === true ? { name: DOOR_NAME } : {});
  return series.side === "listener" ? { source: site, dest: other } : { source: other, dest: site };
}

function labelsOf(measured: MeasuredSeries): Labels<FlowLabel> {
  const { service, protocol, process, target } = measured.series;
  const { source, dest } = endsOf(measured);
  return {
    source_site_id: source.id ?? null,
    source_site_name: source.name ?? null,
    dest_site_id: dest.id ?? null,
    dest_site_name: dest.name ?? null,
    routing_key: service,
    protocol,
    source_process_name: process,
    dest_process_name: target,
  };
}

function requestLabelsOf(measured: MeasuredSeries): Labels<RequestLabel> {
  const { method, code } = measured.series;
  return { ...labelsOf(measured), method: method ?? null, code: code ?? null };
}

/**
 * The families with the names and labels of Skupper's network observer. A component is what the processes of one name
 * form there; here it is the client's process, and the service. `skupper_internal_latency_seconds` is not among them: it
 * is the difference of two measurements of the same connection, which no connector has both of.
 */
export function skupperTrafficFamilies(measured: Iterable<MeasuredSeries>): MetricFamily[] {
  const all = [...measured];
  const once = all.filter(({ series }) => countsOnce(series));
  const streams = once.filter(({ series }) => series.method === undefined);
  const requests = once.filter(({ series }) => series.method !== undefined);
  const ofStreams = (metric: Metric<SkupperFlowLabel>, count: Count) =>
    counter(metric, streams, { labelsOf: skupperLabelsOf, count });
  return [
    ofStreams(SKUPPER_TRAFFIC.opened, ({ opened }) => opened),
    ofStreams(SKUPPER_TRAFFIC.closed, ({ closed }) => closed),
    ofStreams(SKUPPER_TRAFFIC.sent, ({ bytesToTarget }) => bytesToTarget),
    ofStreams(SKUPPER_TRAFFIC.received, ({ bytesToClient }) => bytesToClient),
    counter(SKUPPER_TRAFFIC.requests, requests, {
      labelsOf: (each) => ({
        ...skupperLabelsOf(each),
        method: each.series.method ?? null,
        code: each.series.code ?? null,
      }),
      count: ({ closed }) => closed,
    }),
    histogram(
      SKUPPER_TRAFFIC.latency,
      all.filter(({ series }) => series.method === undefined),
      { labelsOf: skupperLatencyLabelsOf, perMs: 1000, boundsMs: SKUPPER_LATENCY_BOUNDS_MS },
    ),
  ];
}

function skupperLabelsOf(measured: MeasuredSeries): Labels<SkupperFlowLabel> {
  const { service, protocol, process, target } = measured.series;
  const { source, dest } = endsOf(measured);
  const client = process ?? source.name ?? null;
  return {
    source_site_id: source.id ?? null,
    dest_site_id: dest.id ?? null,
    source_site_name: source.name ?? null,
    dest_site_name: dest.name ?? null,
    source_component_id: client,
    dest_component_id: service,
    source_component_name: client,
    dest_component_name: service,
    routing_key: service,
    protocol: SKUPPER_PROTOCOLS[protocol],
    source_process_name: client,
    // A listener does not know the target.
    dest_process_name: target ?? service,
  };
}

const SKUPPER_PROTOCOLS: Readonly<Record<TrafficProtocol, string>> = {
  tcp: "tcp",
  udp: "udp",
  http1: "http1",
  http2: "http2",
  grpc: "http2",
};

/** Skupper's "outgoing" is measured at the target, and names the target's end as the source. */
function skupperLatencyLabelsOf(measured: MeasuredSeries): Labels<SkupperFlowLabel | "direction"> {
  const labels = skupperLabelsOf(measured);
  if (measured.series.side === "listener") return { ...labels, direction: "incoming" };
  return {
    ...labels,
    source_site_id: labels.dest_site_id ?? null,
    source_site_name: labels.dest_site_name ?? null,
    source_process_name: labels.dest_process_name ?? null,
    dest_site_id: labels.source_site_id ?? null,
    dest_site_name: labels.source_site_name ?? null,
    dest_process_name: labels.source_process_name ?? null,
    direction: "outgoing",
  };
}

interface CounterOptions<Label extends string> {
  readonly labelsOf: (measured: MeasuredSeries) => Labels<Label>;
  readonly count: Count;
}

function counter<Label extends string>(
  metric: Metric<Label>,
  measured: readonly MeasuredSeries[],
  { labelsOf, count }: CounterOptions<Label>,
): MetricFamily {
  const sums = new Map<string, { labels: Labels<Label>; value: number }>();
  for (const each of measured) {
    const labels = labelsOf(each);
    const value = count(each.series);
    const key = keyOf(labels);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { labels, value });
    else sum.value += value;
  }
  return family(metric, [...sums.values()]);
}

interface HistogramOptions<Label extends string> {
  readonly labelsOf: (measured: MeasuredSeries) => Labels<Label>;
  readonly perMs: number;
  readonly boundsMs?: readonly number[];
}

function histogram<Label extends string>(
  metric: Metric<Label>,
  measured: readonly MeasuredSeries[],
  { labelsOf, perMs, boundsMs }: HistogramOptions<Label>,
): MetricFamily {
  const sums = new Map<string, { labels: Labels<Label>; sum: LatencySum }>();
  for (const each of measured) {
    const labels = labelsOf(each);
    const key = keyOf(labels);
    let entry = sums.get(key);
    if (entry === undefined) {
      entry = { labels, sum: new LatencySum() };
      sums.set(key, entry);
    }
    entry.sum.add(each.series.latency, each.series.latencySum);
  }
  const observed = [...sums.values()].filter(({ sum }) => !sum.isEmpty);
  return family(
    metric,
    observed.map(({ labels, sum }) => ({ labels, value: sum.value(perMs, boundsMs) })),
  );
}

/** The same text for samples that Prometheus takes for the same: an empty label is none. */
function keyOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels).map((value) => value ?? ""));
}
