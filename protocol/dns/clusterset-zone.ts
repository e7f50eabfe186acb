/**
 * The zone of the services that clusters export to each other (KEP-1645, specification.md, version 1.0.0), below
 * `svc.clusterset.local`:
 *
 *     SERVICE.NAMESPACE                     A, AAAA    the clusterset IP; of a headless service, its ready pods
 *                                           SRV        all ports, as the cluster's own DNS has them
 *     HOST.CLUSTER.SERVICE.NAMESPACE        A, AAAA    one pod of a headless service
 *     _PORT._PROTOCOL.SERVICE.NAMESPACE     SRV        the port of that name
 *
 * No name stands for the pods of one cluster.
 */
import { addressBytes } from "./address.ts";
import type { DnsRecord } from "./record.ts";
import { type Node, nameServerOf, RECORD_TTL, soaOf, type Zone } from "./zone.ts";

export const CLUSTERSET_ORIGIN = "clusterset.local";

/** Version of the specification, which a client can ask for. */
const SCHEMA_VERSION = "1.0.0";

export interface ClustersetPort {
  /** Empty for a port without a name. */
  readonly name: string;
  /** TCP, UDP or SCTP. */
  readonly protocol: string;
  readonly port: number;
}

/** A ready pod of a headless service. */
export interface ClustersetPod {
  readonly host: string;
  readonly cluster: string;
  readonly address: string;
  readonly ports: readonly ClustersetPort[];
}

export interface ClustersetService {
  /** The clusterset IPs; none for a headless service. */
  readonly addresses: readonly string[];
  readonly ports: readonly ClustersetPort[];
  /** Null for a service with a clusterset IP. */
  readonly pods: readonly ClustersetPod[] | null;
}

/** What the zone is made from. */
export interface ClustersetSource {
  /** A service; "absent" if no cluster exports it, "unknown" as long as one may. */
  service(namespace: string, name: string): ClustersetService | "absent" | "unknown";
}

/** The state of the server that answers. */
export interface ZoneServer {
  /** Changes with the services. */
  readonly serial: number;
  /** IP addresses of the server. */
  readonly servers: readonly string[];
}

export class ClustersetZone implements Zone {
  readonly origin = CLUSTERSET_ORIGIN;
  readonly #source: ClustersetSource;
  readonly #server: ZoneServer;

  constructor(source: ClustersetSource, server: ZoneServer) {
    this.#source = source;
    this.#server = server;
  }

  get serial(): number {
    return this.#server.serial;
  }

  node(labels: readonly string[]): Node {
    if (labels.length <= 1) return this.#top(labels[0]);
    const [namespace = "", service = "", ...below] = labels.slice(0, -1).reverse();
    if (labels.at(-1) !== "svc") return "absent";
    // Services of a namespace may exist: whether they do is no secret worth a scan.
    if (service === "") return [];
    const found = this.#source.service(namespace, service);
    if (typeof found === "string") return found;
    const name = `${service}.${namespace}.svc.${this.origin}`;
    // A resolver asks again for a headless service as soon as it learns that nobody is there.
    if (found.pods?.length === 0) return "absent";
    const [first, second, ...rest] = below;
    if (first === undefined) return [...addressesOf(name, found), ...places(name, name, found, () => true)];
    if (rest.length > 0) return "absent";
    return first.startsWith("_") ? namedPort(name, found, first, second) : pod(name, found, first, second);
  }

  additional(records: readonly DnsRecord[]): readonly DnsRecord[] {
    const hosts = new Set(
      records.flatMap(({ data }) => (data.type === "SRV" || data.type === "NS" ? [data.host] : [])),
    );
    return [...hosts].flatMap((host) => {
      const node = this.node(host.slice(0, -this.origin.length - 1).split("."));
      return typeof node === "string"
        ? []
        : node.filter(({ data: { type } }) => type === "A" || type === "AAAA");
    });
  }

  #top(label: string | undefined): Node {
    const server = nameServerOf(this.origin);
    switch (label) {
      case undefined:
        return [
          soaOf(this, RECORD_TTL),
          { name: this.origin, ttl: RECORD_TTL, data: { type: "NS", host: server } },
        ];
      case "ns":
        return addresses(server, this.#server.servers);
      case "svc":
        return [];
      case "dns-version": {
        const data = { type: "TXT", text: SCHEMA_VERSION } as const;
        return [{ name: `dns-version.${this.origin}`, ttl: RECORD_TTL, data }];
      }
      default:
        return "absent";
    }
  }
}

const addressesOf = (name: string, { addresses: own, pods }: ClustersetService): DnsRecord[] =>
  addresses(name, pods === null ? own : pods.map(({ address }) => address));

/** The name of a port, or the one above the ports of a protocol. */
function namedPort(name: string, service: ClustersetService, label: string, port: string | undefined): Node {
  const ofProtocol = ({ protocol }: ClustersetPort) => `_${protocol.toLowerCase()}` === label;
  const all = service.pods === null ? service.ports : service.pods.flatMap(({ ports }) => ports);
  if (port === undefined) return all.some(ofProtocol) ? [] : "absent";
  const found = places(`${port}.${label}.${name}`, name, service, (each) => {
    return ofProtocol(each) && each.name !== "" && `_${each.name}` === port;
  });
  return found.length === 0 ? "absent" : found;
}

function pod(name: string, { pods }: ClustersetService, cluster: string, host: string | undefined): Node {
  const found = (pods ?? []).filter((each) => each.cluster === cluster && each.host === host);
  if (found.length === 0) return "absent";
  return addresses(
    `${host}.${cluster}.${name}`,
    found.map(({ address }) => address),
  );
}

/** SRV records, each place once. @param owner their name @param name the service's */
function places(
  owner: string,
  name: string,
  { ports, pods }: ClustersetService,
  isWanted: (port: ClustersetPort) => boolean,
): DnsRecord[] {
  const all =
    pods === null
      ? ports.filter(isWanted).map(({ port }) => ({ port, host: name }))
      : pods.flatMap((each) =>
          each.ports
            .filter(isWanted)
            .map(({ port }) => ({ port, host: `${each.host}.${each.cluster}.${name}` })),
        );
  const once = new Map(all.map((place) => [`${place.host} ${place.port}`, place]));
  return [...once.values()].map(({ port, host }) => ({
    ...{ name: owner, ttl: RECORD_TTL },
    data: { type: "SRV", priority: 0, weight: 0, port, host },
  }));
}

function addresses(name: string, all: readonly string[]): DnsRecord[] {
  return [...new Set(all)].flatMap((text): DnsRecord[] => {
    const address = addressBytes(text);
    if (address === null) return [];
    return [{ name, ttl: RECORD_TTL, data: { type: address.length === 4 ? "A" : "AAAA", address } }];
  });
}
