/** The rules of the configuration that several parts of a connector ask, each replaced live. */
import type { ConnectorConfig } from "../config/connector-config.ts";
import { HopPolicy } from "../config/hop-policy.ts";
import { IngressPolicy } from "../config/ingress.ts";
import { RetryPolicy } from "../config/retry-policy.ts";
import { TrustedProxies } from "../config/trusted-proxies.ts";

export interface Policies {
  /** Which services may be relayed with hop encryption. */
  readonly hop: HopPolicy;
  /** Which services are published by which hostnames. */
  readonly ingress: IngressPolicy;
  /** Which requests may be repeated. */
  readonly retryPolicy: RetryPolicy;
  /** Which proxies before listeners are believed. */
  readonly trustedProxies: TrustedProxies;
}

export function makePolicies(config: ConnectorConfig): Policies {
  return {
    hop: new HopPolicy(config),
    ingress: new IngressPolicy(config.ingress),
    retryPolicy: new RetryPolicy(config.retry),
    trustedProxies: new TrustedProxies(config.trustProxies),
  };
}
