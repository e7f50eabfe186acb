/**
 * The zone of a network's services, as one site sees them (docs/protocol.md, "DNS"):
 *
 *     SERVICE                A, AAAA    where the site's clients reach the service
 *     TARGET.SERVICE         A, AAAA    one target of a service that only this site offers
 *     _SERVICE._tcp          SRV        its first port
 *     _PORT._tcp.SERVICE     SRV        the port of that number
 *     _PROTOCOL._tcp.SERVICE SRV        its ports of that protocol: tcp, http, http2
 */
import { type ServiceProtocol, transportOf } from "../names.ts";
import { addressBytes } from "./address.ts";
import type { DnsRecord } from "./record.ts";
import { type Node, nameServerOf, RECORD_TTL, soaOf, type Zone } from "./zone.ts";

/** A port of a service, and where clients reach it. */
export interface ReachablePort {
  /** The service's port. */
  readonly port: number;
  readonly protocol: ServiceProtocol;
  /** Host and port where clients reach it; several if each target is reached by itself. None while it cannot be reached. */
  readonly places: readonly ReachablePlace[];
}

export interface ReachablePlace {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** Label of the target, for a name of its own. */
  readonly target?: string | undefined;
}

/** What the zone is made from. */
export interface ServiceSource {
  /** Changes with the services. */
  readonly serial: number;
  /** A service's ports; "absent" if the site sees no such service, "unknown" as long as it may yet see it. */
  ports(service: string): readonly ReachablePort[] | "absent" | "unknown";
  /** IP addresses of the server that answers. */
  readonly servers: readonly string[];
}

export class ServiceZone implements Zone {
  readonly origin: string;
  readonly #source: ServiceSource;

  constructor(origin: string, source: ServiceSource) {
    this.origin = origin;
    this.#source = source;
  }

  get serial(): number {
    return this.#source.serial;
  }

  node(labels: readonly string[]): Node {
    const [first = "", second = "", third = ""] = labels;
    switch (labels.length) {
      case 0:
        return [soaOf(this, RECORD_TTL), this.#nameServer()];
      case 1:
        // Names below it may exist: whether they do is no secret worth a scan of all services.
        return isTransport(first) ? [] : this.#service(first);
      case 2:
        return isTransport(second) ? this.#firstPort(first, second) : this.#below(first, second);
      case 3:
        return isTransport(second) ? this.#namedPort(first, second, third) : "absent";
      default:
        return "absent";
    }
  }

  additional(records: readonly DnsRecord[]): readonly DnsRecord[] {
    const found: DnsRecord[] = [];
    const hosts = new Set<string>();
    for (const { data } of records) if (data.type === "SRV" || data.type === "NS") hosts.add(data.host);
    for (const host of hosts) {
      const node = this.node(host.slice(0, -this.origin.length - 1).split("."));
      if (typeof node !== "string")
        found.push(...node.filter(({ data: { type } }) => type === "A" || type === "AAAA"));
    }
    return found;
  }

  #nameServer(): DnsRecord {
    return { name: this.origin, ttl: RECORD_TTL, data: { type: "NS", host: nameServerOf(this.origin) } };
  }

  #service(service: string): Node {
    const ports = this.#source.ports(service);
    if (ports === "absent" && service === "ns") return this.#addresses("ns", this.#source.servers);
    if (typeof ports === "string") return ports;
    return this.#addresses(
      service,
      ports.flatMap(({ places }) => places.map(({ address }) => address)),
    );
  }

  /** A target of a service, or the name above the service's named ports. */
  #below(label: string, service: string): Node {
    const ports = this.#source.ports(service);
    if (typeof ports === "string") return ports;
    if (isTransport(label)) return ports.some(({ protocol }) => labelOf(protocol) === label) ? [] : "absent";
    const places = ports.flatMap(({ places }) => places).filter(({ target }) => target === label);
    if (places.length === 0) return "absent";
    return this.#addresses(
      `${label}.${service}`,
      places.map(({ address }) => address),
    );
  }

  #firstPort(label: string, transport: string): Node {
    if (!label.startsWith("_")) return "absent";
    const ports = this.#source.ports(label.slice(1));
    if (typeof ports === "string") return ports;
    const first = ports.find(({ protocol }) => labelOf(protocol) === transport);
    if (first === undefined) return "absent";
    return this.#places(`${label}.${transport}`, label.slice(1), [first]);
  }

  #namedPort(label: string, transport: string, service: string): Node {
    if (!label.startsWith("_")) return "absent";
    const ports = this.#source.ports(service);
    if (typeof ports === "string") return ports;
    const name = label.slice(1);
    const named = ports.filter(
      ({ port, protocol }) => labelOf(protocol) === transport && (protocol === name || String(port) === name),
    );
    if (named.length === 0) return "absent";
    return this.#places(`${label}.${transport}.${service}`, service, named);
  }

  #places(name: string, service: string, ports: readonly ReachablePort[]): DnsRecord[] {
    const seen = new Map<string, DnsRecord>();
    for (const { port, target } of ports.flatMap(({ places }) => places)) {
      const host = `${target === undefined ? "" : `${target}.`}${service}.${this.origin}`;
      const data = { type: "SRV", priority: 0, weight: 0, port, host } as const;
      seen.set(`${host} ${port}`, { name: `${name}.${this.origin}`, ttl: RECORD_TTL, data });
    }
    return [...seen.values()];
  }

  #addresses(name: string, addresses: readonly string[]): DnsRecord[] {
    return [...new Set(addresses)].flatMap((text): DnsRecord[] => {
      const address = addressBytes(text);
      if (address === null) return [];
      const type = address.length === 4 ? "A" : "AAAA";
      return [{ name: `${name}.${this.origin}`, ttl: RECORD_TTL, data: { type, address } }];
    });
  }
}

const isTransport = (label: string): boolean => label === "_tcp" || label === "_udp";

const labelOf = (protocol: ServiceProtocol): string => `_${transportOf(protocol)}`;
