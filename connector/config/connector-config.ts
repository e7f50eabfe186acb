/** The configuration of a connector, from the options of `connector run` and its file. */
import { FairleadError } from "../../protocol/errors.ts";
import type { LogLevels } from "../log.ts";
import { DEFAULT_LOG_LEVELS } from "../log-levels.ts";
import type { OfferBalance } from "./balance-option.ts";
import type { AcceptedZone, DnsAddress, OfferedZone } from "./dns-options.ts";
import { healthKey, type ServiceHealth } from "./health-options.ts";
import { checkIngress, type IngressRule } from "./ingress.ts";
import { type KubernetesConfig, type KubernetesSource, mergeKubernetes } from "./kubernetes-options.ts";
import type { ListenerTlsOption } from "./listener-tls-options.ts";
import type { MetricsAddress } from "./metrics-address.ts";
import type { LogTopic } from "./option-values.ts";
import type { ServiceRetry } from "./retry-policy.ts";
import type { ServiceObservation } from "./service-observation.ts";
import {
  type Bind,
  DEFAULT_BIND,
  type Exposure,
  type ListenerAddress,
  type ServiceScope,
  withScopes,
} from "./service-options.ts";
import type { ProxyProtocol, TargetTls } from "./target-options.ts";
import { mergeRanges, type TrustedProxyRanges } from "./trusted-proxies.ts";

/** What one source gives. Undefined: the source does not say. */
export interface ConfigSource {
  readonly site?: string | undefined;
  /** The state directory. */
  readonly state?: string | undefined;
  /** Token files, in the order in which they are redeemed; "-" is standard input. */
  readonly tokens?: readonly string[] | undefined;
  readonly expose?: readonly Exposure[] | undefined;
  readonly to?: readonly ServiceScope[] | undefined;
  /** Services that are published by hostnames. */
  readonly ingress?: readonly IngressRule[] | undefined;
  readonly listen?: readonly ListenerAddress[] | undefined;
  readonly bind?: Bind | undefined;
  readonly balance?: readonly OfferBalance[] | undefined;
  /** Names of services that this site offers with hop encryption. */
  readonly hop?: readonly string[] | undefined;
  /** Names of services that this site uses with hop encryption, or "all". */
  readonly allowHop?: readonly string[] | undefined;
  /** Requests that may be sent again, where their methods do not say so. */
  readonly retry?: readonly ServiceRetry[] | undefined;
  /** Proxies before listeners that are believed what they say of their clients. */
  readonly trustProxies?: readonly TrustedProxyRanges[] | undefined;
  /** Addresses of the site's DNS servers. */
  readonly dns?: readonly DnsAddress[] | undefined;
  /** The domain of the network's services. */
  readonly dnsDomain?: string | undefined;
  /** Health checks of services; each service, or each of its ports, once. */
  readonly health?: readonly ServiceHealth[] | undefined;
  /** Zones that this site offers to others. */
  readonly dnsZones?: readonly OfferedZone[] | undefined;
  /** Zones of other sites that this site resolves. */
  readonly dnsAccept?: readonly AcceptedZone[] | undefined;
  readonly lanes?: number | undefined;
  /** Seconds. */
  readonly sessionTimeout?: number | undefined;
  /** Seconds. */
  readonly drain?: number | undefined;
  /** Seconds; null for off. */
  readonly keepalive?: number | null | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
  readonly logLevel?: LogLevels | undefined;
  /** Where metrics and health are served; null for nowhere. */
  readonly metrics?: MetricsAddress | null | undefined;
  /** What is logged beside the connector's own events. */
  readonly log?: readonly LogTopic[] | undefined;
  /** The TLS that listeners offer to clients. */
  readonly listenTls?: readonly ListenerTlsOption[] | undefined;
  /** Services whose targets speak TLS. */
  readonly targetTls?: readonly TargetTls[] | undefined;
  /** Services whose targets expect a PROXY header. */
  readonly proxyProtocol?: readonly ProxyProtocol[] | undefined;
  /** Whether traffic is counted and reported. */
  readonly telemetry?: boolean | undefined;
  /** Whether requests are observed in the connections to a service. */
  readonly observe?: readonly ServiceObservation[] | undefined;
  /** The Kubernetes cluster that the connector works in. */
  readonly kubernetes?: KubernetesSource | undefined;
}

/** What a connector runs with. Undefined: the part that uses the value has a default. */
export interface ConnectorConfig
  extends Pick<
    ConfigSource,
    "site" | "state" | "dnsDomain" | "lanes" | "sessionTimeout" | "drain" | "keepalive" | "memory"
  > {
  readonly tokens: readonly string[];
  /** With their scopes; each name once. */
  readonly exposures: readonly Exposure[];
  readonly ingress: readonly IngressRule[];
  /** Each name once. */
  readonly balance: readonly OfferBalance[];
  readonly listen: readonly ListenerAddress[];
  readonly bind: Bind;
  readonly hop: readonly string[];
  readonly allowHop: readonly string[];
  readonly retry: readonly ServiceRetry[];
  /** Each name once. */
  readonly trustProxies: readonly TrustedProxyRanges[];
  readonly dns: readonly DnsAddress[];
  readonly health: readonly ServiceHealth[];
  /** Each domain once. */
  readonly dnsZones: readonly OfferedZone[];
  readonly dnsAccept: readonly AcceptedZone[];
  readonly logLevel: LogLevels;
  /** Null for nowhere. */
  readonly metrics: MetricsAddress | null;
  readonly log: readonly LogTopic[];
  readonly telemetry: boolean;
  readonly listenTls: readonly ListenerTlsOption[];
  readonly observe: readonly ServiceObservation[];
  readonly targetTls: readonly TargetTls[];
  readonly proxyProtocol: readonly ProxyProtocol[];
  /** Undefined outside of Kubernetes. */
  readonly kubernetes: KubernetesConfig | undefined;
}

/**
 * Merges the command's options over its file: a single value replaces the file's, and lists add up.
 * An entry for a service replaces the file's entry for that service. A default counts where neither has a value.
 * @throws FairleadError `request.invalid` when a service is exposed twice, a scope is for nothing that is offered, or two
 * clusters are named.
 */
export function mergeConfig(
  file: ConfigSource,
  options: ConfigSource,
  defaults: Pick<ConfigSource, "drain" | "metrics"> = {},
): ConnectorConfig {
  const exposures = byName(file.expose, options.expose);
  for (const [at, { name }] of exposures.entries()) {
    if (exposures.findIndex((each) => each.name === name) === at) continue;
    throw new FairleadError("request.invalid", `"${name}" is exposed twice.`);
  }
  const ingress = byName(file.ingress, options.ingress);
  checkIngress(ingress);
  const offered = { exposures, zones: byDomain(file.dnsZones, options.dnsZones) };
  const scoped = withScopes(offered, byName(file.to, options.to));
  return {
    site: options.site ?? file.site,
    state: options.state ?? file.state,
    tokens: [...(options.tokens ?? []), ...(file.tokens ?? [])],
    exposures: scoped.exposures,
    ingress,
    balance: [...new Map(byName(file.balance, options.balance).map((each) => [each.name, each])).values()],
    listen: byName(file.listen, options.listen),
    bind: options.bind ?? file.bind ?? DEFAULT_BIND,
    hop: [...(file.hop ?? []), ...(options.hop ?? [])],
    allowHop: [...(file.allowHop ?? []), ...(options.allowHop ?? [])],
    retry: byName(file.retry, options.retry),
    trustProxies: mergeRanges(byName(file.trustProxies, options.trustProxies)),
    dns: [...(file.dns ?? []), ...(options.dns ?? [])],
    dnsZones: scoped.zones,
    dnsAccept: byDomain(file.dnsAccept, options.dnsAccept),
    dnsDomain: options.dnsDomain ?? file.dnsDomain,
    health: mergeHealth(file.health, options.health),
    lanes: options.lanes ?? file.lanes,
    sessionTimeout: options.sessionTimeout ?? file.sessionTimeout,
    drain: options.drain ?? file.drain ?? defaults.drain,
    keepalive: options.keepalive !== undefined ? options.keepalive : file.keepalive,
    memory: options.memory ?? file.memory,
    logLevel: options.logLevel ?? file.logLevel ?? DEFAULT_LOG_LEVELS,
    metrics: firstGiven(options.metrics, file.metrics, defaults.metrics) ?? null,
    telemetry: options.telemetry ?? file.telemetry ?? true,
    listenTls: byName(file.listenTls, options.listenTls),
    observe: byName(file.observe, options.observe),
    targetTls: byName(file.targetTls, options.targetTls),
    proxyProtocol: byName(file.proxyProtocol, options.proxyProtocol),
    kubernetes: mergeKubernetes(file.kubernetes, options.kubernetes),
    log: [...new Set([...(file.log ?? []), ...(options.log ?? [])])],
  };
}

/** The first value that is not undefined; null counts as given. */
const firstGiven = <T>(...values: readonly (T | undefined)[]): T | undefined =>
  values.find((value) => value !== undefined);

/** As {@link byName}, where a service may have an entry for each port. */
function mergeHealth(
  file: readonly ServiceHealth[] = [],
  options: readonly ServiceHealth[] = [],
): readonly ServiceHealth[] {
  const replaced = new Set(options.map(healthKey));
  const all = [...file.filter((each) => !replaced.has(healthKey(each))), ...options];
  const keys = all.map(healthKey);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice === undefined) return all;
  throw new FairleadError("request.invalid", `"${twice}" has two health checks.`);
}

/** The file's entries, except those that an option of the same name replaces; then the options' entries. */
function byName<T extends { readonly name: string }>(
  file: readonly T[] = [],
  options: readonly T[] = [],
): T[] {
  const replaced = new Set(options.map(({ name }) => name));
  return [...file.filter(({ name }) => !replaced.has(name)), ...options];
}

/** One entry for each domain: the last one, and an option rather than the file's. */
function byDomain<T extends { readonly domain: string }>(
  file: readonly T[] = [],
  options: readonly T[] = [],
): T[] {
  return [...new Map([...file, ...options].map((zone) => [zone.domain, zone])).values()];
}
