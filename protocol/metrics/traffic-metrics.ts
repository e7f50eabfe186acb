/**
 * The metrics of traffic: names and labels. `fairlead_*` counts each stream and request once, at the listener, or at the
 * target where the client came by a door; so its sums over all connectors are those of the network. `fairlead_target_*`
 * has what targets saw, with their addresses, and no client processes.
 */
import type { Metric } from "./metric.ts";

/** Labels of a series: from the client's site to the target's. */
export const FLOW_LABELS = [
  "source_site_id",
  "source_site_name",
  "dest_site_id",
  "dest_site_name",
  "routing_key",
  "protocol",
  "source_process_name",
  "dest_process_name",
] as const;
export type FlowLabel = (typeof FLOW_LABELS)[number];

/** Labels of requests, besides: the method, and the class of the status (`none` without a response). */
export const REQUEST_LABELS = [...FLOW_LABELS, "method", "code"] as const;
export type RequestLabel = (typeof REQUEST_LABELS)[number];

/** The metrics of one view of the traffic. */
export type TrafficMetrics = {
  readonly opened: Metric<FlowLabel>;
  readonly closed: Metric<FlowLabel>;
  readonly failed: Metric<FlowLabel>;
  readonly sent: Metric<FlowLabel>;
  readonly received: Metric<FlowLabel>;
  readonly requests: Metric<RequestLabel>;
  readonly requestsFailed: Metric<RequestLabel>;
  readonly firstByte: Metric<FlowLabel>;
  readonly requestDuration: Metric<FlowLabel>;
};

function trafficMetrics(prefix: string, where: string): TrafficMetrics {
  const flow = (name: string, type: Metric["type"], help: string): Metric<FlowLabel> => ({
    ...{ name: `${prefix}_${name}`, type, labels: FLOW_LABELS },
    help: `${help}${where}.`,
  });
  const request = (name: string, help: string): Metric<RequestLabel> => ({
    ...{ name: `${prefix}_${name}`, type: "counter", labels: REQUEST_LABELS },
    help: `${help}${where}.`,
  });
  return {
    opened: flow("connections_opened_total", "counter", "Connections and datagram flows that began"),
    closed: flow("connections_closed_total", "counter", "Connections and datagram flows that ended"),
    failed: flow("connections_failed_total", "counter", "Connections that ended with an error"),
    sent: flow("sent_bytes_total", "counter", "Bytes from clients to targets"),
    received: flow("received_bytes_total", "counter", "Bytes from targets to clients"),
    requests: request("requests_total", "Requests that ended"),
    requestsFailed: request(
      "requests_failed_total",
      "Requests that ended with an error or a status of 500 and above",
    ),
    firstByte: flow(
      "connection_first_byte_seconds",
      "histogram",
      "Time from the start of a connection to the first byte towards the client",
    ),
    requestDuration: flow(
      "request_duration_seconds",
      "histogram",
      "Time from the first byte of a request to the last byte of its response",
    ),
  };
}

/** Traffic, each stream and request counted once. */
export const TRAFFIC = trafficMetrics("fairlead", "");

/** What targets saw. */
export const TARGET_TRAFFIC = trafficMetrics("fairlead_target", ", at the target");

const SKUPPER_FLOW_LABELS = [
  "source_site_id",
  "dest_site_id",
  "source_site_name",
  "dest_site_name",
  "source_component_id",
  "dest_component_id",
  "source_component_name",
  "dest_component_name",
  "routing_key",
  "protocol",
  "source_process_name",
  "dest_process_name",
] as const;
export type SkupperFlowLabel = (typeof SKUPPER_FLOW_LABELS)[number];

const skupper = (name: string, help: string): Metric<SkupperFlowLabel> => ({
  ...{ name: `skupper_${name}`, type: "counter", help, labels: SKUPPER_FLOW_LABELS },
});

/** The names of the network observer of Skupper 2, for its console and its dashboards. */
export const SKUPPER_TRAFFIC = {
  opened: skupper("connections_opened_total", "Connections that began."),
  closed: skupper("connections_closed_total", "Connections that ended."),
  sent: skupper("sent_bytes_total", "Bytes from clients to targets."),
  received: skupper("received_bytes_total", "Bytes from targets to clients."),
  requests: {
    ...{ name: "skupper_requests_total", type: "counter", help: "Requests that ended." },
    labels: [...SKUPPER_FLOW_LABELS, "method", "code"],
  } satisfies Metric<SkupperFlowLabel | "method" | "code">,
  latency: {
    ...{ name: "legacy_flow_latency_microseconds", type: "histogram" },
    help: "Time to the first byte: incoming as listeners saw it, outgoing as targets saw it, with both ends exchanged.",
    labels: [...SKUPPER_FLOW_LABELS, "direction"],
  } satisfies Metric<SkupperFlowLabel | "direction">,
};

/** Upper bounds of the buckets of `legacy_flow_latency_microseconds`, ms. */
export const SKUPPER_LATENCY_BOUNDS_MS = [1, 2, 5, 10, 100, 1000, 10_000] as const;
