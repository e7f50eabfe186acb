/** The metrics of one connector besides its traffic: names, and the families made from what it knows of itself. */
import { family, type Labels, type Metric, type MetricFamily } from "../../protocol/metrics/metric.ts";
import { NETWORK_METRICS, SKUPPER_NETWORK_METRICS } from "../../protocol/metrics/network-metrics.ts";
import type { Status } from "../control/schema.ts";
import type { ProcessUsage } from "./process-usage.ts";

const metric = <Label extends string>(
  name: string,
  labels: readonly Label[],
  help: string,
): Metric<Label> => ({ name, type: name.endsWith("_total") ? "counter" : "gauge", labels, help });

const PEER = ["peer_site_name"] as const;

export const CONNECTOR_METRICS = {
  info: metric(
    "fairlead_connector_info",
    ["site_id", "site_name", "network_id", "network_name", "boot", "version", "node"],
    "The connector, with the versions of Fairlead and Node.js. Always 1.",
  ),
  uplink: metric("fairlead_uplink_up", [], "Whether the uplink to the edge is up."),
  uplinkRtt: metric("fairlead_uplink_rtt_seconds", [], "The round trip to the edge."),
  renewalFailed: metric(
    "fairlead_certificate_renewal_failed",
    [],
    "Whether the last attempt to renew the certificate failed.",
  ),
  clockSkew: metric(
    "fairlead_clock_skew_seconds",
    [],
    "How much the edge's clock is ahead of this machine's, where that matters.",
  ),
  flows: metric("fairlead_flows_open", [], "Streams at this connector that have not ended."),
  sessions: metric("fairlead_sessions", PEER, "Sessions with a site."),
  lanes: metric("fairlead_session_lanes", PEER, "Joined lanes of the sessions with a site."),
  streams: metric("fairlead_session_streams", PEER, "Streams in the sessions with a site."),
  sessionRtt: metric(
    "fairlead_session_rtt_seconds",
    PEER,
    "The round trip to a connector of the site, the longest of its sessions.",
  ),
  listener: metric(
    "fairlead_listener_up",
    ["routing_key", "address"],
    "Whether the listener of a service of other sites is bound.",
  ),
  target: metric(
    "fairlead_target_up",
    ["routing_key", "target"],
    "Whether a target of a service of this site counts as up.",
  ),
  offerRefused: metric(
    "fairlead_offer_refused",
    ["routing_key", "code"],
    "A service of this site that the network refuses. Always 1.",
  ),
  configRejected: metric(
    "fairlead_config_rejected",
    [],
    "Whether the configuration file as it is now was not loaded.",
  ),
  kubernetesApi: metric("fairlead_kubernetes_api_up", [], "Whether the Kubernetes API server answers."),
  kubernetesLeader: metric(
    "fairlead_kubernetes_leader",
    [],
    "Whether this connector writes to the Kubernetes cluster for its site.",
  ),
  kubernetesRights: metric(
    "fairlead_kubernetes_missing_rights",
    [],
    "Rights in the Kubernetes cluster that the connector's account lacks.",
  ),
  kubernetesWatchFailures: metric(
    "fairlead_kubernetes_watch_failures_total",
    [],
    "Lists and watches of the Kubernetes cluster that failed.",
  ),
  kubernetesWriteFailures: metric(
    "fairlead_kubernetes_write_failures_total",
    [],
    "Writes to the Kubernetes cluster that failed, apart from conflicts.",
  ),
  descriptors: metric("process_open_fds", [], "File descriptors in use."),
  descriptorLimit: metric("process_max_fds", [], "The most file descriptors of the process."),
  descriptorsRefused: metric(
    "fairlead_descriptors_refused_total",
    [],
    "Clients, streams and lanes refused for lack of descriptors.",
  ),
  cpu: metric("process_cpu_seconds_total", [], "Time of the CPU, of user and system."),
  resident: metric("process_resident_memory_bytes", [], "Memory of the process."),
  started: metric("process_start_time_seconds", [], "When the process started, seconds since 1970."),
  heap: metric("nodejs_heap_size_used_bytes", [], "JavaScript objects in memory."),
  external: metric("nodejs_external_memory_bytes", [], "Buffers in memory."),
  loopMean: metric(
    "nodejs_eventloop_lag_mean_seconds",
    [],
    "How late the event loop was since the last scrape, on average.",
  ),
  loopP99: metric(
    "nodejs_eventloop_lag_p99_seconds",
    [],
    "How late the event loop was since the last scrape, in 99 of 100 measurements at most.",
  ),
  loopMax: metric(
    "nodejs_eventloop_lag_max_seconds",
    [],
    "How late the event loop was since the last scrape.",
  ),
} as const;

/** What a connector knows of itself without asking the edge. */
export type LocalStatus = Omit<Status, "otherSites">;

export interface ConnectorState {
  readonly status: LocalStatus;
  readonly usage: ProcessUsage;
  /** Version of Node.js. */
  readonly node: string;
}

/** The families of a connector with the names of Fairlead, without those of traffic. */
export function connectorFamilies({ status, usage, node }: ConnectorState): MetricFamily[] {
  const { site, network, boot, software, uplink, flows, config } = status;
  const self = { site_id: site.id, site_name: site.name };
  const info = { ...self, network_id: network.id, network_name: network.name, boot, version: software, node };
  return [
    family(CONNECTOR_METRICS.info, [{ labels: info, value: 1 }]),
    single(CONNECTOR_METRICS.uplink, Number(uplink.state === "up")),
    single(CONNECTOR_METRICS.uplinkRtt, secondsOf(uplink.rtt)),
    family(NETWORK_METRICS.siteCertificate, [
      { labels: self, value: Date.parse(status.certificateExpiresAt) / 1000 },
    ]),
    single(CONNECTOR_METRICS.renewalFailed, Number(status.renewal !== undefined)),
    single(CONNECTOR_METRICS.clockSkew, secondsOf(status.clockSkewMs)),
    single(CONNECTOR_METRICS.flows, flows),
    ...linkFamilies(status),
    ...sessionFamilies(status),
    ...serviceFamilies(status),
    single(CONNECTOR_METRICS.configRejected, config && Number(config.error !== undefined)),
    ...kubernetesFamilies(status),
    ...processFamilies(status, usage),
  ];
}

function kubernetesFamilies({ kubernetes: cluster }: LocalStatus): MetricFamily[] {
  return [
    single(CONNECTOR_METRICS.kubernetesApi, cluster && Number(cluster.api.state === "up")),
    single(CONNECTOR_METRICS.kubernetesLeader, cluster && Number(cluster.leads)),
    single(CONNECTOR_METRICS.kubernetesRights, cluster?.missingRights.length),
    single(CONNECTOR_METRICS.kubernetesWatchFailures, cluster?.watchFailures),
    single(CONNECTOR_METRICS.kubernetesWriteFailures, cluster?.writeFailures),
  ];
}

function linkFamilies({ site, links, incoming }: LocalStatus): MetricFamily[] {
  const all = [
    ...links.map((link) => ({ ...link, joiner: site.name })),
    ...incoming.map((link) => ({ ...link, issuer: site.name })),
  ].map(({ id, name, joiner, issuer, state, rtt }) => ({
    labels: { link_id: id, link_name: name, joiner, issuer },
    ...{ state, rtt },
  }));
  return [
    family(
      NETWORK_METRICS.link,
      all.map(({ labels, state }) => ({ labels, value: Number(state === "up") })),
    ),
    family(
      NETWORK_METRICS.linkRtt,
      all.flatMap(({ labels, rtt }) => (rtt === null ? [] : [{ labels, value: rtt / 1000 }])),
    ),
  ];
}

function sessionFamilies({ sessions }: LocalStatus): MetricFamily[] {
  const peers = Map.groupBy(sessions, ({ peer }) => peer);
  const each = (of: Metric<"peer_site_name">, value: (group: LocalStatus["sessions"]) => number | null) =>
    family(
      of,
      [...peers].flatMap(([peer, group]) => {
        const found = value(group);
        return found === null ? [] : [{ labels: { peer_site_name: peer }, value: found }];
      }),
    );
  const sum = (values: readonly number[]) => values.reduce((left, right) => left + right, 0);
  return [
    each(CONNECTOR_METRICS.sessions, (group) => group.length),
    each(CONNECTOR_METRICS.lanes, (group) => sum(group.map(({ lanes }) => lanes ?? 0))),
    each(CONNECTOR_METRICS.streams, (group) => sum(group.map(({ streams }) => streams))),
    each(CONNECTOR_METRICS.sessionRtt, (group) => {
      const known = group.flatMap(({ rtt }) => (typeof rtt === "number" ? [rtt] : []));
      return known.length === 0 ? null : Math.max(...known) / 1000;
    }),
  ];
}

function serviceFamilies({ services, offers }: LocalStatus): MetricFamily[] {
  const listeners = listenersOf({ services }).map(({ service, address, state }) => ({
    labels: { routing_key: service, address },
    value: Number(state === "listening"),
  }));
  const targets = offers.flatMap(({ name, ports }) =>
    (ports ?? []).flatMap(({ health }) =>
      (health?.targets ?? []).map(({ target, address, state }) => ({
        labels: { routing_key: name, target: address === undefined ? target : `${target} (${address})` },
        value: Number(state === "up"),
      })),
    ),
  );
  const refused = offers.flatMap(({ name, refused }) =>
    refused === undefined ? [] : [{ labels: { routing_key: name, code: refused.code }, value: 1 }],
  );
  return [
    family(CONNECTOR_METRICS.listener, unique(listeners)),
    family(CONNECTOR_METRICS.target, unique(targets)),
    family(CONNECTOR_METRICS.offerRefused, unique(refused)),
  ];
}

/** The listeners that a connector's status shows, with their services. */
export function listenersOf({ services }: Pick<LocalStatus, "services">) {
  return services.flatMap(({ name, listener, ports }) => {
    const all = ports === undefined ? [listener] : ports.map((port) => port.listener);
    return all.flatMap((each) => (each === null ? [] : [{ ...each, service: name }]));
  });
}

function processFamilies({ descriptors }: LocalStatus, usage: ProcessUsage): MetricFamily[] {
  const { loopDelay } = usage;
  return [
    single(CONNECTOR_METRICS.descriptors, descriptors?.used),
    single(CONNECTOR_METRICS.descriptorLimit, descriptors?.limit),
    single(CONNECTOR_METRICS.descriptorsRefused, descriptors?.refused),
    single(CONNECTOR_METRICS.cpu, usage.cpuSeconds),
    single(CONNECTOR_METRICS.resident, usage.resident),
    single(CONNECTOR_METRICS.started, usage.startedAt),
    single(CONNECTOR_METRICS.heap, usage.heapUsed),
    single(CONNECTOR_METRICS.external, usage.external),
    single(CONNECTOR_METRICS.loopMean, loopDelay?.mean),
    single(CONNECTOR_METRICS.loopP99, loopDelay?.p99),
    single(CONNECTOR_METRICS.loopMax, loopDelay?.max),
  ];
}

/** The families of a connector with the names of Skupper's network observer, for its own site. */
export function skupperConnectorFamilies({ status }: Pick<ConnectorState, "status">): MetricFamily[] {
  const { site, software, links, offers } = status;
  const states = Map.groupBy(links, ({ state }) => (state === "up" ? "up" : "down"));
  return [
    family(SKUPPER_NETWORK_METRICS.site, [
      { labels: { site_id: site.id, name: site.name, version: software }, value: 1 },
    ]),
    family(SKUPPER_NETWORK_METRICS.routers, [{ labels: { site_id: site.id, mode: "interior" }, value: 1 }]),
    family(
      SKUPPER_NETWORK_METRICS.links,
      [...states].map(([state, group]) => ({
        labels: { site_id: site.id, role: "inter-router", status: state },
        value: group.length,
      })),
    ),
    family(SKUPPER_NETWORK_METRICS.listeners, [
      { labels: { site_id: site.id }, value: listenersOf(status).length },
    ]),
    family(SKUPPER_NETWORK_METRICS.connectors, [{ labels: { site_id: site.id }, value: offers.length }]),
  ];
}

const secondsOf = (ms: number | null | undefined) => (typeof ms === "number" ? ms / 1000 : null);

function single(of: Metric<never>, value: number | null | undefined): MetricFamily {
  return family(of, typeof value === "number" ? [{ labels: {}, value }] : []);
}

/** Samples without a repetition of the same labels: a target may be named twice. */
function unique<T extends { readonly labels: Labels }>(samples: readonly T[]): T[] {
  return [...new Map(samples.map((sample) => [JSON.stringify(sample.labels), sample])).values()];
}
