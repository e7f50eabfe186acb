/** The Services that a cluster is to have for the services of the network, as far as the network decides. */
import { type ServiceProtocol, transportOf } from "../../../protocol/names.ts";
import type { HeadlessPod } from "../../../protocol/uplink/export-details.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import { type PortBook, portKey } from "./port-book.ts";

/** A port of a Service, and the listener port behind it. */
export interface DesiredPort {
  /** `http-8080`. Several ports must have names, and a name must not change when a second port comes. */
  readonly name: string;
  readonly protocol: "TCP" | "UDP";
  readonly appProtocol: string | undefined;
  readonly port: number;
  readonly targetPort: number;
}

/** A pod of a headless service: the Service that stands for it, and its name in DNS. */
export interface Member {
  readonly service: string;
  readonly host: string;
}

/**
 * How a Service leads to the connectors: by a selector, in their own namespace; by slices with their addresses, in
 * others; or, headless, by a slice with the addresses of the Services that stand for the pods.
 */
export type Form = "selector" | "addresses" | "headless";

export interface DesiredService {
  readonly namespace: string;
  /** The name of the Service, and of the network's service. */
  readonly name: string;
  readonly form: Form;
  /** Null while a port has no listener port: the Service stays as it is. */
  readonly ports: readonly DesiredPort[] | null;
  /** Of a headless Service. */
  readonly members: readonly Member[];
  /** The headless Service of which this one is a pod. */
  readonly group: string | null;
  /** Whether this site offers the service too, so that its Service may be the one that is offered. */
  readonly isOffered: boolean;
}

export interface NetworkFacts {
  /** The services that other sites offer. */
  readonly services: readonly VisibleService[];
  /** Names of the services that this site offers. */
  readonly offered: ReadonlySet<string>;
  readonly book: PortBook;
  /** Where Services are made. */
  readonly namespaces: readonly string[];
  /** The namespace whose pods a selector finds; null if the connectors are in no pods. */
  readonly selectable: string | null;
}

const APP_PROTOCOLS: Readonly<Record<ServiceProtocol, string | undefined>> = {
  tcp: undefined,
  udp: undefined,
  http: "http",
  http2: "kubernetes.io/h2c",
};

/** The key of a Service: `namespace/name`. */
export const serviceKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/**
 * The Services of all namespaces, by {@link serviceKey}. A service that was exported with a ServiceExport has none: it
 * has a ServiceImport.
 */
export function desiredServices(facts: NetworkFacts): ReadonlyMap<string, DesiredService> {
  const { services, offered, book, namespaces, selectable } = facts;
  const imported = services.filter(({ offers }) => offers.every((offer) => offer.export === undefined));
  const groups = membersOf(imported);
  const desired = new Map<string, DesiredService>();
  for (const service of imported) {
    const { name } = service;
    const pod = podOf(service);
    const members = groups.get(name) ?? [];
    const isHeadless = members.length > 0 || pod?.of === name;
    const common = {
      ...{ name, members, isOffered: offered.has(name), ports: portsOf(service, book, isHeadless) },
      group: pod === undefined || pod.of === name ? null : pod.of,
    };
    for (const namespace of namespaces) {
      const form = isHeadless ? "headless" : namespace === selectable ? "selector" : "addresses";
      desired.set(serviceKey(namespace, name), { ...common, namespace, form });
    }
  }
  return desired;
}

/** The pod for which a service stands. A headless service without ready pods stands for itself. */
const podOf = ({ offers }: VisibleService): HeadlessPod | undefined =>
  offers.find(({ headless }) => headless !== undefined)?.headless;

/** The pods of headless services, by the name of the service of all pods. */
function membersOf(services: readonly VisibleService[]): ReadonlyMap<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const service of services) {
    const { name } = service;
    const { of: group = name, host = "" } = podOf(service) ?? {};
    if (group === name) continue;
    const members = groups.get(group) ?? [];
    members.push({ service: name, host });
    groups.set(group, members);
  }
  return groups;
}

/** @param isDirect whether clients reach the Services of the pods, which have the service's own ports */
function portsOf(
  { name, port, protocol, ports = [{ port, protocol }] }: VisibleService,
  book: PortBook,
  isDirect: boolean,
): readonly DesiredPort[] | null {
  const desired: DesiredPort[] = [];
  for (const each of ports) {
    const transport = transportOf(each.protocol);
    const targetPort = isDirect ? each.port : book.get(portKey(name, each.port, transport));
    if (targetPort === undefined) return null;
    desired.push({
      name: `${each.protocol}-${each.port}`,
      protocol: transport === "udp" ? "UDP" : "TCP",
      appProtocol: APP_PROTOCOLS[each.protocol],
      port: each.port,
      targetPort,
    });
  }
  return desired;
}
