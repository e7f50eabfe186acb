/** DNS of the network at this site: the servers of the configuration, and the names that the connector's parts give. */
import type { ConnectorConfig } from "../config/connector-config.ts";
import { type DnsAddress, defaultDomain } from "../config/dns-options.ts";
import { type DnsConfig, type DnsServerLine, SiteDns } from "../dns/site-dns.ts";
import type { Log } from "../log.ts";
import type { Part } from "./part.ts";
import { machineAddresses, type ServiceNameSources, ServiceNames } from "./service-names.ts";

export interface NetworkDnsOptions extends Omit<ServiceNameSources, "wildcardAddresses"> {
  readonly config: ConnectorConfig;
  /** The network's name. */
  readonly network: string;
  readonly log: Log;
}

export class NetworkDns implements Part {
  readonly #network: string;
  readonly #services: ServiceNames;
  readonly #dns: SiteDns;

  constructor({ config, network, log, ...sources }: NetworkDnsOptions) {
    this.#network = network;
    this.#services = new ServiceNames({
      ...sources,
      wildcardAddresses: (family) => this.#dns.ownAddresses(family),
    });
    this.#dns = new SiteDns({
      ...{ config: dnsConfig(config, network), services: this.#services, machineAddresses, log },
    });
  }

  /** The domain of the network's services. */
  get domain(): string {
    return this.#dns.domain;
  }

  servers(): DnsServerLine[] {
    return this.#dns.servers();
  }

  start(): void {
    this.#dns.start();
  }

  close(): void {
    this.#dns.close();
  }

  /** Takes over another configuration. */
  configure(config: ConnectorConfig): void {
    this.#dns.configure(dnsConfig(config, this.#network));
  }

  /** Call this when services, listeners, offers or targets have changed. */
  changed(): void {
    this.#services.changed();
    this.#dns.changed();
  }
}

/** What the configuration says of DNS, with its defaults. */
function dnsConfig({ dns, dnsDomain }: ConnectorConfig, network: string): DnsConfig {
  return { addresses: withoutRepeats(dns), domain: dnsDomain ?? defaultDomain(network) };
}

const withoutRepeats = (addresses: readonly DnsAddress[]): DnsAddress[] => [
  ...new Map(addresses.map((address) => [`${address.host} ${address.port}`, address])).values(),
];
