/** The DNS servers of a site, which answer for the network's services. */
import { familyOf, isWildcard } from "../../protocol/dns/address.ts";
import { type ClustersetSource, ClustersetZone } from "../../protocol/dns/clusterset-zone.ts";
import { type ReverseSource, ReverseZone } from "../../protocol/dns/reverse-zone.ts";
import { type ServiceSource, ServiceZone } from "../../protocol/dns/service-zone.ts";
import { type DnsAddress, formatDnsAddress } from "../config/dns-options.ts";
import type { Log } from "../log.ts";
import { Answerer, type ForwardedZone } from "./answerer.ts";
import { DnsServer, type DnsServerState } from "./dns-server.ts";

/** What the configuration says of a site's DNS. */
export interface DnsConfig {
  /** Addresses of the servers; none for no DNS. */
  readonly addresses: readonly DnsAddress[];
  /** The domain of the network's services. */
  readonly domain: string;
  /** Origins of the reverse zones of the addresses that services have here. */
  readonly reverse?: readonly string[] | undefined;
}

/** Where clients of the site reach services, and which services are at an address. */
export interface SiteServices
  extends Omit<ServiceSource, "serial" | "servers">,
    Omit<ReverseSource, "serial"> {}

export interface SiteDnsOptions {
  readonly config: DnsConfig;
  readonly services: SiteServices;
  /** Addresses of this machine, for services whose listeners are at every address. */
  readonly machineAddresses: () => readonly string[];
  /** The passage of this connector. */
  readonly passage?: string | undefined;
  readonly log: Log;
  readonly now?: () => number;
  readonly retry?: { readonly base: number; readonly cap: number };
}

/** A server, for `status`. */
export interface DnsServerLine {
  readonly address: string;
  readonly state: DnsServerState;
}

export class SiteDns {
  readonly #options: SiteDnsOptions;
  readonly #now: () => number;
  readonly #answerer: Answerer;
  readonly #servers = new Map<string, DnsServer>();
  #config: DnsConfig;
  #serial: number;
  #forwarded: readonly ForwardedZone[] = [];
  #clusterset: ClustersetSource | null = null;
  #isStarted = false;

  constructor(options: SiteDnsOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#answerer = new Answerer(options.passage);
    this.#now = options.now ?? Date.now;
    this.#serial = Math.floor(this.#now() / 1000);
    this.#setZones();
  }

  get domain(): string {
    return this.#config.domain;
  }

  /** The servers, in the order of their addresses in the configuration. */
  servers(): DnsServerLine[] {
    return [...this.#servers.values()].map(({ address, state }) => ({ address, state }));
  }

  start(): void {
    this.#isStarted = true;
    this.#listen();
  }

  /** Takes over another configuration. A server whose address stays is not touched. */
  configure(config: DnsConfig): void {
    this.#config = config;
    this.#setZones();
    if (this.#isStarted) this.#listen();
  }

  /** Replaces the zones that other servers answer for. */
  setForwarded(zones: readonly ForwardedZone[]): void {
    this.#forwarded = zones;
    this.#setZones();
  }

  /** Answers for the services that clusters export to each other, too. */
  setClusterset(source: ClustersetSource): void {
    this.#clusterset = source;
    this.#setZones();
  }

  /** Call this when services, listeners or targets have changed. */
  changed(): void {
    // Serials grow, also when the connector starts anew.
    this.#serial = Math.max(this.#serial + 1, Math.floor(this.#now() / 1000)) >>> 0;
    this.#answerer.clear();
  }

  close(): void {
    this.#isStarted = false;
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  /** Addresses under which clients of this machine and of others reach what listens at every address. */
  ownAddresses(family: 4 | 6): readonly string[] {
    const named = this.#config.addresses.map(({ host }) => host).filter((host) => !isWildcard(host));
    const addresses = named.length > 0 ? named : this.#options.machineAddresses();
    return [...new Set(addresses)].filter((address) => familyOf(address) === family);
  }

  #setZones(): void {
    const serial = () => this.#serial;
    const { services } = this.#options;
    const { domain, reverse = [] } = this.#config;
    const server = {
      get serial() {
        return serial();
      },
      servers: [...this.ownAddresses(4), ...this.ownAddresses(6)],
    };
    const zone = new ServiceZone(domain, {
      ports: (service) => services.ports(service),
      get serial() {
        return serial();
      },
      servers: server.servers,
    });
    const clusterset = this.#clusterset === null ? [] : [new ClustersetZone(this.#clusterset, server)];
    const addresses: ReverseSource = {
      servicesAt: (name) => services.servicesAt(name),
      get isComplete() {
        return services.isComplete;
      },
      get serial() {
        return serial();
      },
    };
    const reversed = reverse.map((origin) => new ReverseZone(origin, domain, addresses));
    this.#answerer.setZones([zone, ...clusterset, ...reversed], this.#forwarded);
  }

  #listen(): void {
    const { log, retry } = this.#options;
    const wanted = new Map(this.#config.addresses.map((address) => [formatDnsAddress(address), address]));
    for (const [address, server] of this.#servers) {
      if (wanted.has(address)) continue;
      server.close();
      this.#servers.delete(address);
    }
    for (const [address, { host, port }] of wanted) {
      if (this.#servers.has(address)) continue;
      const server = new DnsServer({
        ...{ host, port, log, retry },
        reply: (bytes, transport) => this.#answerer.reply(bytes, transport),
      });
      this.#servers.set(address, server);
      server.start();
    }
  }
}
