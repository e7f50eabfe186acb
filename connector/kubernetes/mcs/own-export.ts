/** What a ServiceExport of this cluster exports: the Service of its name, to every site of the network. */
import { describeIssues } from "../../../protocol/parse.ts";
import { ServiceExportDetails } from "../../../protocol/uplink/export-details.ts";
import { MAX_PORTS } from "../../../protocol/uplink/messages.ts";
import type { ManagedExposure, ManagedPort } from "../../targets/managed-exposures.ts";
import type { EndpointSliceObject, ServiceObject } from "../cluster/cluster.ts";
import { isOwn } from "../cluster/names.ts";
import type { ExportedPort } from "./merge.ts";
import { networkName, podNetworkName, podUdpNetworkName, udpNetworkName } from "./network-name.ts";
import type { ServiceExportObject } from "./objects.ts";
import { portKey, readyPods } from "./ready-pods.ts";

/** Why nothing is exported, as the condition Valid says it. */
export interface InvalidExport {
  readonly reason: "NoService" | "InvalidServiceType" | "InvalidService";
  readonly message: string;
}

export interface ValidExport {
  readonly details: ServiceExportDetails;
  /** The services of the network: for TCP, for UDP, and for each pod of a headless Service. */
  readonly exposures: readonly ManagedExposure[];
  /** The names of those services that stand for the whole Service. */
  readonly networkNames: readonly string[];
  /** Ports that other clusters are told of, although the network carries no SCTP. */
  readonly notCarried: readonly ExportedPort[];
}

/** The port of an export without any port that the network carries: nobody listens at "discard" (RFC 863). */
const NO_PORT: ManagedPort = { servicePort: 9, protocol: "tcp", targets: [] };

/** Finds what a ServiceExport exports. @param slices those of the Service */
export function evaluateExport(
  exported: ServiceExportObject,
  service: ServiceObject | undefined,
  slices: readonly EndpointSliceObject[],
  { siteId, siteName }: { readonly siteId: string; readonly siteName: string },
): InvalidExport | ValidExport {
  const { namespace, name } = exported.meta;
  if (service === undefined) {
    const message = `There is no Service ${name} in the namespace ${namespace}. Create it, or delete the ServiceExport.`;
    return { reason: "NoService", message };
  }
  const problem = problemOf(service, siteId);
  if (problem !== null) return problem;
  const parsed = ServiceExportDetails.safeParse(detailsOf(exported, service));
  if (!parsed.success) {
    const message = `The Service cannot be described to other clusters: ${describeIssues(parsed.error.issues)}.`;
    return { reason: "InvalidService", message };
  }
  const details = parsed.data;
  const own = exposuresOf(details, service, slices);
  const pods = details.type === "Headless" ? podExposures(details, service, slices, siteName) : [];
  return {
    details,
    exposures: [...own, ...pods],
    networkNames: own.map((exposure) => exposure.name),
    notCarried: details.ports.filter(({ protocol }) => protocol === "SCTP"),
  };
}

function problemOf({ type, meta, ports }: ServiceObject, siteId: string): InvalidExport | null {
  if (type === "ExternalName") {
    const message =
      "A Service of the type ExternalName cannot be exported. Make such a Service in each cluster.";
    return { reason: "InvalidServiceType", message };
  }
  if (isOwn(meta.labels, siteId)) {
    const message = "The Service leads to a service of the network already, and is not exported again.";
    return { reason: "InvalidServiceType", message };
  }
  if (ports.length > MAX_PORTS) {
    const message = `The network carries at most ${MAX_PORTS} ports of a Service. Divide it into several.`;
    return { reason: "InvalidService", message };
  }
  return null;
}

/** Nothing else of the export and its Service is told to other clusters. */
function detailsOf(
  { meta, labels, annotations }: ServiceExportObject,
  service: ServiceObject,
): Readonly<Record<string, unknown>> {
  const hasAffinity = service.sessionAffinity === "ClientIP";
  return {
    namespace: meta.namespace,
    name: meta.name,
    type: service.clusterIP === "None" ? "Headless" : "ClusterSetIP",
    ports: service.ports.map(({ name, protocol, appProtocol, port }) => ({
      name,
      protocol,
      appProtocol,
      port,
    })),
    sessionAffinity: hasAffinity ? "ClientIP" : "None",
    sessionAffinityTimeout: hasAffinity ? service.sessionAffinityTimeout : undefined,
    internalTrafficPolicy: service.internalTrafficPolicy,
    trafficDistribution: service.trafficDistribution,
    ipFamilies: service.ipFamilies.length === 0 ? undefined : service.ipFamilies,
    labels,
    annotations,
    createdAt: meta.creationTimestamp,
  };
}

function exposuresOf(
  details: ServiceExportDetails,
  service: ServiceObject,
  slices: readonly EndpointSliceObject[],
): readonly ManagedExposure[] {
  const { namespace, name } = details;
  const pods = readyPods(service, slices);
  const { tcp, udp } = portsOf(details.ports, (port) =>
    pods.flatMap(({ address, ports }) => {
      const target = ports.get(portKey(port));
      return target === undefined ? [] : [{ host: address, port: target }];
    }),
  );
  const source = sourceOf(details);
  const isCarried = tcp.length + udp.length > 0;
  return [
    ...(tcp.length > 0 || !isCarried
      ? [{ name: networkName(namespace, name), ports: isCarried ? tcp : [NO_PORT], source, export: details }]
      : []),
    ...(udp.length > 0
      ? [{ name: udpNetworkName(namespace, name), ports: udp, source, export: details }]
      : []),
  ];
}

/** A service for each ready pod. Its details are those that lead to the Service, and no more. */
function podExposures(
  details: ServiceExportDetails,
  service: ServiceObject,
  slices: readonly EndpointSliceObject[],
  siteName: string,
): readonly ManagedExposure[] {
  const { namespace, name, type, ports, createdAt } = details;
  const exported = { namespace, name, type, ports, createdAt };
  return readyPods(service, slices).flatMap(({ host, address, ports: numbers }) => {
    const { tcp, udp } = portsOf(ports, (port) => {
      const target = numbers.get(portKey(port));
      return target === undefined ? [] : [{ host: address, port: target }];
    });
    const common = {
      source: sourceOf(details),
      export: exported,
      headless: { of: networkName(namespace, name), host },
    };
    return [
      ...(tcp.length > 0
        ? [{ name: podNetworkName(namespace, name, siteName, host), ports: tcp, ...common }]
        : []),
      ...(udp.length > 0
        ? [{ name: podUdpNetworkName(namespace, name, siteName, host), ports: udp, ...common }]
        : []),
    ];
  });
}

type Targets = ManagedPort["targets"];

function portsOf(ports: readonly ExportedPort[], targets: (port: ExportedPort) => Targets) {
  const of = (protocol: "TCP" | "UDP"): readonly ManagedPort[] =>
    ports
      .filter((port) => port.protocol === protocol)
      .map((port) => ({
        servicePort: port.port,
        protocol: protocol === "UDP" ? "udp" : "tcp",
        targets: targets(port),
      }));
  return { tcp: of("TCP"), udp: of("UDP") };
}

const SOURCE = "ServiceExport";

const sourceOf = ({ namespace, name }: ServiceExportDetails): string => `${SOURCE} ${namespace}/${name}`;

/** Whether what a status shows as the source of an offer is a ServiceExport. */
export const isExport = (source: string): boolean => source.startsWith(`${SOURCE} `);
