/** The metrics of a network's parts at the edge: sites, links, services and reports of traffic. */
import type { NetworkStatus } from "../api/status.ts";
import type { Traffic } from "../api/traffic.ts";
import { family, type Metric, type MetricFamily } from "./metric.ts";

const gauge = <Label extends string>(
  name: string,
  labels: readonly Label[],
  help: string,
): Metric<Label> => ({ name, type: "gauge", labels, help });

const SITE = ["site_id", "site_name"] as const;
const LINK = ["link_id", "link_name", "joiner", "issuer"] as const;

export const NETWORK_METRICS = {
  network: gauge("fairlead_network_info", ["network_id", "network_name"], "The network. Always 1."),
  site: gauge(
    "fairlead_site_info",
    [...SITE, "version"],
    "A site, with the version of its connectors. Always 1.",
  ),
  siteUp: gauge("fairlead_site_up", SITE, "Whether a connector of the site is connected."),
  siteStopped: gauge(
    "fairlead_site_stopped",
    SITE,
    "Whether the site is down because its last connector was stopped, and not lost.",
  ),
  siteConnectors: gauge("fairlead_site_instances", SITE, "Connectors of the site that are connected."),
  siteCertificate: gauge(
    "fairlead_site_certificate_expiry_timestamp_seconds",
    SITE,
    "When the certificate of the site ends, seconds since 1970.",
  ),
  siteServices: gauge("fairlead_site_services", SITE, "Services that the site offers."),
  siteListeners: gauge("fairlead_site_listeners", SITE, "Listeners of the site."),
  link: gauge("fairlead_link_up", LINK, "Whether the link is up."),
  linkRtt: gauge(
    "fairlead_link_rtt_seconds",
    LINK,
    "The round trip between both ends of the link over the edge.",
  ),
  serviceSites: gauge(
    "fairlead_service_sites",
    ["routing_key"],
    "Sites that offer the service and are connected.",
  ),
  reported: gauge(
    "fairlead_telemetry_report_age_seconds",
    SITE,
    "The age of the last report of traffic of a site that reports now.",
  ),
} as const;

/** What the edge knows of a network, for its metrics. */
export interface NetworkState {
  readonly status: NetworkStatus;
  readonly reporters: Traffic["reporters"];
}

/** The families of a network with the names of Fairlead. Revoked sites and those that never joined are not counted. */
export function networkFamilies({ status, reporters }: NetworkState): MetricFamily[] {
  const { network } = status;
  const sites = joinedSites(status).map((site) => ({
    site,
    labels: { site_id: site.id, site_name: site.name },
  }));
  const links = status.links
    .filter(({ code }) => code !== "link.revoked")
    .map((link) => ({
      link,
      labels: { link_id: link.id, link_name: link.name, joiner: link.joiner, issuer: link.issuer },
    }));
  const each = (
    metric: Metric<(typeof SITE)[number]>,
    value: (site: (typeof sites)[number]["site"]) => number | null,
  ) =>
    family(
      metric,
      sites.flatMap(({ site, labels }) => {
        const found = value(site);
        return found === null ? [] : [{ labels, value: found }];
      }),
    );
  return [
    family(NETWORK_METRICS.network, [
      { labels: { network_id: network.id, network_name: network.name }, value: 1 },
    ]),
    family(
      NETWORK_METRICS.site,
      sites.map(({ site, labels }) => ({ labels: { ...labels, version: versionsOf(site) }, value: 1 })),
    ),
    each(NETWORK_METRICS.siteUp, ({ state }) => Number(state === "up")),
    each(NETWORK_METRICS.siteStopped, ({ stopped }) => Number(stopped === true)),
    each(NETWORK_METRICS.siteConnectors, ({ instances }) => instances.length),
    each(NETWORK_METRICS.siteCertificate, ({ certificateExpiresAt }) =>
      certificateExpiresAt === null ? null : Date.parse(certificateExpiresAt) / 1000,
    ),
    each(NETWORK_METRICS.siteServices, ({ services }) => services.length),
    each(NETWORK_METRICS.siteListeners, ({ listeners }) => listeners.length),
    family(
      NETWORK_METRICS.link,
      links.map(({ link, labels }) => ({ labels, value: Number(link.state === "up") })),
    ),
    family(
      NETWORK_METRICS.linkRtt,
      links.flatMap(({ link, labels }) => (link.rtt === null ? [] : [{ labels, value: link.rtt / 1000 }])),
    ),
    family(
      NETWORK_METRICS.serviceSites,
      status.services.map(({ name, sites: offering }) => ({
        labels: { routing_key: name },
        value: offering.filter(({ state }) => state === "up").length,
      })),
    ),
    family(
      NETWORK_METRICS.reported,
      reporters.map(({ site, ageMs }) => ({
        labels: { site_id: site.id, site_name: site.name },
        value: ageMs / 1000,
      })),
    ),
  ];
}

const joinedSites = ({ sites }: NetworkStatus) =>
  sites.filter(({ state }) => state === "up" || state === "down");

const versionsOf = ({ instances }: NetworkStatus["sites"][number]): string =>
  [...new Set(instances.map(({ software }) => software))].sort().join(",");

const SITE_ID = ["site_id"] as const;

export const SKUPPER_NETWORK_METRICS = {
  site: gauge("skupper_site_info", ["site_id", "name", "version"], "A site. Always 1."),
  routers: gauge("skupper_routers_total", ["site_id", "mode"], "Connectors of a site."),
  links: gauge("skupper_site_links_total", ["site_id", "role", "status"], "Links from a site."),
  listeners: gauge("skupper_site_listeners_total", SITE_ID, "Listeners of a site."),
  connectors: gauge("skupper_site_connectors_total", SITE_ID, "Services that a site offers."),
} as const;

/**
 * The families of a network with the names of Skupper's network observer. `skupper_site_link_errors_total` is not among
 * them: the edge keeps the state of a link, and not how often it failed.
 */
export function skupperNetworkFamilies({ status }: NetworkState): MetricFamily[] {
  const sites = joinedSites(status);
  const up = sites.filter(({ state }) => state === "up");
  const links = new Map<string, { site: string; state: string; count: number }>();
  for (const link of status.links) {
    const site = sites.find(({ name }) => name === link.joiner);
    if (site === undefined || link.code === "link.revoked") continue;
    const key = `${site.id} ${link.state}`;
    const count = (links.get(key)?.count ?? 0) + 1;
    links.set(key, { site: site.id, state: link.state, count });
  }
  return [
    family(
      SKUPPER_NETWORK_METRICS.site,
      up.map((site) => ({
        labels: { site_id: site.id, name: site.name, version: versionsOf(site) },
        value: 1,
      })),
    ),
    family(
      SKUPPER_NETWORK_METRICS.routers,
      up.map(({ id, instances }) => ({
        labels: { site_id: id, mode: "interior" },
        value: instances.length,
      })),
    ),
    family(
      SKUPPER_NETWORK_METRICS.links,
      [...links.values()].map(({ site, state, count }) => ({
        labels: { site_id: site, role: "inter-router", status: state },
        value: count,
      })),
    ),
    family(
      SKUPPER_NETWORK_METRICS.listeners,
      up.map(({ id, listeners }) => ({ labels: { site_id: id }, value: listeners.length })),
    ),
    family(
      SKUPPER_NETWORK_METRICS.connectors,
      up.map(({ id, services }) => ({ labels: { site_id: id }, value: services.length })),
    ),
  ];
}
