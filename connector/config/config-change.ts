/** The difference between two configurations, and the part of it that a running connector can apply. */
import { sameLogLevels } from "../log-levels.ts";
import { sameBalance } from "./balance-option.ts";
import type { ConnectorConfig } from "./connector-config.ts";
import { healthKey, type ServiceHealth, sameHealth } from "./health-options.ts";
import { sameIngress } from "./ingress.ts";
import { sameListenerTls } from "./listener-tls-options.ts";
import { sameMetricsAddress } from "./metrics-address.ts";
import { sameRetry } from "./retry-policy.ts";
import { formatBind, listenKey, sameExposure } from "./service-options.ts";
import { sameTrustedProxies } from "./trusted-proxies.ts";

/** Names of services, sorted. */
export interface ServiceChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Whether none of the lists names a service. */
export function isUnchanged(...lists: readonly ServiceChanges[]): boolean {
  return lists.every(({ added, removed, changed }) => added.length + removed.length + changed.length === 0);
}

/** Fields that take effect at the next start only, under their names in the file. */
export const FIXED_FIELDS = [
  "site",
  "state",
  "lanes",
  "session-timeout",
  "keepalive",
  "memory",
  "kubernetes",
] as const;
export type FixedField = (typeof FIXED_FIELDS)[number];

export interface ConfigChange {
  readonly exposures: ServiceChanges;
  /** Hostnames by which services are published. */
  readonly ingress: ServiceChanges;
  readonly balance: ServiceChanges;
  /** Services whose listeners have another address, apart from a change of `bind`. */
  readonly listeners: ServiceChanges;
  readonly bind: boolean;
  /** Services offered with hop encryption. */
  readonly hop: ServiceChanges;
  /** Services used with hop encryption. */
  readonly allowHop: ServiceChanges;
  /** Whether addresses of DNS servers, the domain or zones differ. */
  readonly dns: boolean;
  /** Health checks, each named by its service, or by `SERVICE:PORT`. */
  readonly health: ServiceChanges;
  /** Services whose requests may be sent again. */
  readonly retry: ServiceChanges;
  /** Services with other trusted proxies before their listeners; "*" for all services. */
  readonly trustProxies: ServiceChanges;
  readonly logLevel: boolean;
  /** Whether metrics are served at another address, or no longer. */
  readonly metrics: boolean;
  /** Whether requests are logged from now on, or no longer. */
  readonly requestLog: boolean;
  /** Whether traffic is counted and reported from now on, or no longer. */
  readonly telemetry: boolean;
  /** Services whose listeners have another certificate, or none. */
  readonly listenTls: ServiceChanges;
  /** Whether connections to targets begin in another way: with TLS, or with a PROXY header. */
  readonly targetConnections: boolean;
  /** Services whose requests are observed from now on, or no longer. */
  readonly observe: ServiceChanges;
  readonly drain: boolean;
  /** Token files that were added. */
  readonly tokens: readonly string[];
  /** Fields that differ and keep the value that they have. */
  readonly fixed: readonly FixedField[];
}

/** A change, and the configuration that a connector runs with once it is applied. */
export interface ConfigTransition {
  readonly change: ConfigChange;
  /** `wanted`, except for the fixed fields, which are those of `running`. */
  readonly next: ConnectorConfig;
}

const FIXED_KEYS = {
  site: "site",
  state: "state",
  lanes: "lanes",
  "session-timeout": "sessionTimeout",
  keepalive: "keepalive",
  memory: "memory",
  kubernetes: "kubernetes",
} as const satisfies Record<FixedField, keyof ConnectorConfig>;

const TARGET_KEYS = ["targetTls", "proxyProtocol"] as const satisfies readonly (keyof ConnectorConfig)[];
const DNS_KEYS = [
  "dns",
  "dnsDomain",
  "dnsZones",
  "dnsAccept",
] as const satisfies readonly (keyof ConnectorConfig)[];

/** Decides how a running connector takes over a configuration that differs from its own. */
export function configTransition(running: ConnectorConfig, wanted: ConnectorConfig): ConfigTransition {
  const { site, state, lanes, sessionTimeout, keepalive, memory, kubernetes } = running;
  const keyed = (checks: readonly ServiceHealth[]) =>
    checks.map((check) => ({ ...check, name: healthKey(check) }));
  const named = (names: readonly string[]) => names.map((name) => ({ name }));
  return {
    change: {
      exposures: serviceChanges(running.exposures, wanted.exposures, sameExposure),
      ingress: serviceChanges(byHostname(running.ingress), byHostname(wanted.ingress), (left, right) =>
        sameIngress(left.rule, right.rule),
      ),
      balance: serviceChanges(running.balance, wanted.balance, sameBalance),
      listeners: serviceChanges(
        running.listen.map((each) => ({ ...each, name: listenKey(each) })),
        wanted.listen.map((each) => ({ ...each, name: listenKey(each) })),
        (left, right) => left.host === right.host && left.port === right.port,
      ),
      bind: formatBind(running.bind) !== formatBind(wanted.bind),
      hop: serviceChanges(named(running.hop), named(wanted.hop)),
      allowHop: serviceChanges(named(running.allowHop), named(wanted.allowHop)),
      dns: DNS_KEYS.some((key) => JSON.stringify(running[key]) !== JSON.stringify(wanted[key])),
      health: serviceChanges(keyed(running.health), keyed(wanted.health), sameHealth),
      retry: serviceChanges(running.retry, wanted.retry, sameRetry),
      trustProxies: serviceChanges(running.trustProxies, wanted.trustProxies, sameTrustedProxies),
      logLevel: !sameLogLevels(running.logLevel, wanted.logLevel),
      metrics: !sameMetricsAddress(running.metrics, wanted.metrics),
      requestLog: running.log.includes("requests") !== wanted.log.includes("requests"),
      telemetry: running.telemetry !== wanted.telemetry,
      listenTls: serviceChanges(running.listenTls, wanted.listenTls, sameListenerTls),
      targetConnections: TARGET_KEYS.some(
        (key) => JSON.stringify(running[key]) !== JSON.stringify(wanted[key]),
      ),
      observe: serviceChanges(running.observe, wanted.observe, (left, right) => left.isOn === right.isOn),
      drain: running.drain !== wanted.drain,
      tokens: wanted.tokens.filter((token) => !running.tokens.includes(token)),
      fixed: FIXED_FIELDS.filter(
        (field) => JSON.stringify(running[FIXED_KEYS[field]]) !== JSON.stringify(wanted[FIXED_KEYS[field]]),
      ),
    },
    next: { ...wanted, site, state, lanes, sessionTimeout, keepalive, memory, kubernetes },
  };
}

/** The parts of a change that are applied, for a log line; empty when nothing is. */
export function describeChange({ fixed: _, ...change }: ConfigChange): Record<string, unknown> {
  const fields = Object.entries(change).map(([name, value]) => [
    name,
    isServiceChanges(value) ? nonEmpty(value) : value,
  ]);
  return Object.fromEntries(fields.filter(([, value]) => !isNothing(value)));
}

const byHostname = (rules: ConnectorConfig["ingress"]) =>
  rules.map((rule) => ({ name: rule.hostname, rule }));

function serviceChanges<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
  same: (left: T, right: T) => boolean = () => true,
): ServiceChanges {
  const left = new Map(before.map((each) => [each.name, each]));
  const right = new Map(after.map((each) => [each.name, each]));
  const changed = [...right].filter(([name, each]) => {
    const old = left.get(name);
    return old !== undefined && !same(old, each);
  });
  return {
    added: [...right.keys()].filter((name) => !left.has(name)).sort(),
    removed: [...left.keys()].filter((name) => !right.has(name)).sort(),
    changed: changed.map(([name]) => name).sort(),
  };
}

function isServiceChanges(value: unknown): value is ServiceChanges {
  return typeof value === "object" && value !== null && "added" in value;
}

const nonEmpty = (changes: ServiceChanges) =>
  Object.fromEntries(Object.entries(changes).filter(([, names]) => names.length > 0));

const isNothing = (value: unknown) =>
  value === false || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
