/**
 * DNS of the network at this site: the servers of the configuration, the names that the connector's parts give, and
 * zones of this site and of others.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { reverseZones } from "../../protocol/dns/address.ts";
import type { ClustersetSource } from "../../protocol/dns/clusterset-zone.ts";
import { isWithin } from "../../protocol/dns/domain-name.ts";
import { PASSAGE_BYTES } from "../../protocol/dns/passages.ts";
import { zoneService } from "../../protocol/dns/zone-service.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { networkDomain, siteMatches } from "../../protocol/names.ts";
import type { Offer, VisibleOffer } from "../../protocol/uplink/messages.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { type AcceptedZone, type DnsAddress, formatDnsAddress } from "../config/dns-options.ts";
import { RemoteZone } from "../dns/remote-zone.ts";
import { type DnsConfig, type DnsServerLine, SiteDns } from "../dns/site-dns.ts";
import { ZoneCache } from "../dns/zone-cache.ts";
import { ZoneStreams } from "../dns/zone-streams.ts";
import type { Log } from "../log.ts";
import type { Relay } from "../relay/relay.ts";
import type { SiteNames } from "../targets/site-names.ts";
import type { PeerStream, PeerStreamOrigin } from "../targets/stream-server.ts";
import type { Part } from "./part.ts";
import {
  machineAddresses,
  type ServiceAddresses,
  type ServiceNameSources,
  ServiceNames,
} from "./service-names.ts";

export interface NetworkDnsOptions extends Omit<ServiceNameSources, "wildcardAddresses"> {
  readonly config: ConnectorConfig;
  /** The network's name. */
  readonly network: string;
  readonly relay: Relay;
  readonly names: SiteNames;
  /** Opens a stream for the queries of a zone. */
  readonly openZone: (service: string, peer: VisibleOffer) => Promise<Duplex>;
  readonly log: Log;
}

/** A zone of this site, or of others, for `status`. */
export interface ZoneLine {
  readonly domain: string;
  /** Addresses of the servers of an offered zone. */
  readonly servers?: readonly string[];
  /** Names or ids of the only sites that may resolve it. */
  readonly to?: readonly string[] | undefined;
  /** Names of the sites that an accepted zone is resolved at. */
  readonly sites?: readonly string[];
}

/** The port of a zone's service, which nobody connects to. */
const ZONE_PORT = 53;

export class NetworkDns implements Part {
  readonly #options: NetworkDnsOptions;
  readonly #services: ServiceNames;
  readonly #dns: SiteDns;
  readonly #zones: ZoneStreams;
  readonly #cache = new ZoneCache();
  /** Marks questions that this connector forwards. Servers of zones see it, so it says nothing of the site. */
  readonly #passage = randomBytes(PASSAGE_BYTES).toString("hex");
  #config: ConnectorConfig;
  #remote: readonly RemoteZone[] = [];

  /** @throws FairleadError `request.invalid` when a zone is in the domain of the network's services. */
  constructor(options: NetworkDnsOptions) {
    const { config, log, ...sources } = options;
    this.#options = options;
    this.#config = config;
    this.check(config);
    this.#services = new ServiceNames({
      ...sources,
      wildcardAddresses: (family) => this.#dns.ownAddresses(family),
    });
    this.#dns = new SiteDns({
      ...{ config: this.#dnsConfig(config), services: this.#services, machineAddresses, log },
      passage: this.#passage,
    });
    this.#zones = new ZoneStreams(config.dnsZones, {
      current: (peer) => options.names.current(peer),
      passage: this.#passage,
    });
    this.#accept(config.dnsAccept);
  }

  /** The domain of the network's services. */
  get domain(): string {
    return this.#dns.domain;
  }

  /** The reverse zones of the addresses that services have here. */
  get reverse(): readonly string[] {
    return this.#dnsConfig(this.#config).reverse ?? [];
  }

  servers(): DnsServerLine[] {
    return this.#dns.servers();
  }

  /** The zones that this site offers. */
  offered(): ZoneLine[] {
    return this.#config.dnsZones.map(({ domain, servers, to }) => ({
      domain,
      servers: servers.map(formatDnsAddress),
      to,
    }));
  }

  /** The zones of other sites that this site accepts. */
  accepted(): ZoneLine[] {
    return this.#config.dnsAccept.map(({ domain }) => {
      const sites = new Set(this.#offersOf(domain).map(({ siteName }) => siteName));
      return { domain, sites: [...sites].sort() };
    });
  }

  /** The offers of the zones, for an edge that knows zones. */
  forRegistry(): Offer[] {
    return this.#config.dnsZones.map(({ domain, to }) => ({
      ...{ name: zoneService(domain), protocol: "tcp", port: ZONE_PORT, zone: domain },
      to: to && [...to],
    }));
  }

  /** From now on services may have addresses of their own, as in a cluster. */
  setServiceAddresses(addressesOf: ServiceAddresses): void {
    this.#services.setAddresses(addressesOf);
  }

  start(): void {
    this.#dns.start();
  }

  /** Ends the streams of zones, which have no end of their own. */
  drain(): void {
    this.#zones.drain();
    this.#accept([]);
  }

  close(): void {
    this.#dns.close();
    this.#accept([]);
  }

  /** @throws FairleadError `request.invalid` when a zone is in the domain of the network's services. */
  check(config: ConnectorConfig): void {
    const { domain } = this.#dnsConfig(config);
    const inside = [...config.dnsZones, ...config.dnsAccept].find((zone) => isWithin(zone.domain, domain));
    if (inside === undefined) return;
    const why = `The zone ${inside.domain} is in ${domain}, the domain of the network's services.`;
    throw new FairleadError("request.invalid", why, {
      action: "Name another zone, or give the services another domain with --dns-domain.",
    });
  }

  /** Takes over another configuration, which {@link check} has accepted. */
  configure(config: ConnectorConfig): void {
    this.#config = config;
    this.#dns.configure(this.#dnsConfig(config));
    this.#zones.setZones(config.dnsZones);
    this.#accept(config.dnsAccept);
  }

  /** Answers for the services that clusters export to each other, too. */
  setClusterset(source: ClustersetSource): void {
    this.#dns.setClusterset(source);
  }

  /** Call this when services, listeners, offers or targets have changed. */
  changed(): void {
    this.#services.changed();
    this.#dns.changed();
    this.#zones.forbid(this.#options.refusedOffers.list().map(({ name }) => name));
  }

  /** Serves a peer's queries for a zone of this site. Never throws. */
  async serve(stream: PeerStream, { peer, draining }: PeerStreamOrigin): Promise<void> {
    const { service } = stream;
    const flow = this.#options.relay.start({ side: "target", service, peer, stream, isInternal: true });
    if (draining) this.#zones.drain();
    try {
      await this.#zones.serve(stream, peer);
      flow.end();
    } catch (thrown) {
      flow.end(asFairleadError(thrown, "stream.internal"));
    }
  }

  /** What the configuration says of the servers, with its defaults. */
  #dnsConfig({ dns, dnsDomain, bind }: ConnectorConfig): DnsConfig {
    return {
      addresses: withoutRepeats(dns),
      domain: dnsDomain ?? networkDomain(this.#options.network),
      // Only the addresses of a range are those of services: any other is the machine's, and has a name elsewhere.
      reverse: bind.kind === "range" ? reverseZones(bind.range.text) : [],
    };
  }

  #accept(zones: readonly AcceptedZone[]): void {
    for (const zone of this.#remote) zone.close();
    this.#cache.clear();
    this.#remote = zones.map(
      ({ domain }) =>
        new RemoteZone(domain, {
          cache: this.#cache,
          passage: this.#passage,
          offers: () => this.#offersOf(domain),
          open: (_, peer) => this.#options.openZone(zoneService(domain), peer),
        }),
    );
    this.#dns.setForwarded(this.#remote);
  }

  /** The offers of an accepted zone that this site may use. */
  #offersOf(domain: string): readonly VisibleOffer[] {
    const from = this.#config.dnsAccept.find((zone) => zone.domain === domain)?.from;
    const offers = this.#options.catalogue.lookup(zoneService(domain))?.offers ?? [];
    return offers.filter(
      ({ zone, site: id, siteName: name }) => zone === domain && siteMatches({ id, name }, from),
    );
  }
}

const withoutRepeats = (addresses: readonly DnsAddress[]): DnsAddress[] => [
  ...new Map(addresses.map((address) => [formatDnsAddress(address), address])).values(),
];
