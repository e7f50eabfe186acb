/** The objects that stand for an imported service in a cluster. */
import { compareText } from "../../../protocol/compare-text.ts";
import type { EndpointSliceObject } from "../cluster/cluster.ts";
import { IMPORT_LABEL, MANAGER, SERVICE_ANNOTATION } from "../cluster/names.ts";
import type { Condition } from "./conditions.ts";
import { type ExportedPort, type MergedService, serves } from "./merge.ts";
import { derivedName, networkName } from "./network-name.ts";
import { SERVICE_NAME_LABEL, type ServiceImportSpec, SOURCE_CLUSTER_LABEL } from "./objects.ts";
import { portKey } from "./ready-pods.ts";
import type { Carriers, RemoteExport } from "./remote-exports.ts";

/** Label by which kube-proxy finds the slices of a Service. */
const SERVICE_LABEL = "kubernetes.io/service-name";
/** Label that tells the built-in controllers that a slice is not theirs. */
const SLICE_MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by";

type Labels = Readonly<Record<string, string>>;

/** A service to import, and who exports it. */
export interface ImportedService {
  readonly namespace: string;
  readonly name: string;
  readonly merged: MergedService;
  /** The export of this cluster, with the slices of its Service; null without one. */
  readonly own: {
    readonly siteId: string;
    readonly cluster: string;
    readonly slices: readonly EndpointSliceObject[];
  } | null;
  readonly remotes: readonly RemoteExport[];
}

/** How clients in the cluster reach the network. */
export interface Access {
  /** Addresses of the connectors that accept clients. */
  readonly addresses: readonly string[];
  /** The port at those addresses for a port of a service of the network; null without a listener. */
  listenerPort(service: string, port: number, transport: "tcp" | "udp"): number | null;
}

export interface WantedService {
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly ports: readonly ExportedPort[];
  readonly sessionAffinity: "None" | "ClientIP";
  readonly sessionAffinityTimeout: number | undefined;
}

export type WantedSlice = Pick<EndpointSliceObject, "addressType" | "ports"> & {
  readonly name: string;
  readonly labels: Labels;
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly ready: boolean;
    readonly serving: boolean;
    readonly terminating: boolean;
    readonly hostname: string | undefined;
  }[];
};

/** A pod of another cluster, which has a Service of its own here. */
interface RemotePod {
  readonly remote: RemoteExport;
  readonly host: string;
  readonly carriers: Carriers;
}

/** The spec of the ServiceImport. @param ips the clusterset IP; none while there is none */
export function importSpec({ details, ports }: MergedService, ips: readonly string[]): ServiceImportSpec {
  const { type, sessionAffinity, sessionAffinityTimeout, ...policies } = details;
  const isHeadless = type === "Headless";
  return {
    type,
    ports: [...ports],
    ips: isHeadless || ips.length === 0 ? undefined : [...ips],
    sessionAffinity: isHeadless ? undefined : (sessionAffinity ?? "None"),
    sessionAffinityConfig:
      isHeadless || sessionAffinity !== "ClientIP"
        ? undefined
        : { clientIP: { timeoutSeconds: sessionAffinityTimeout } },
    internalTrafficPolicy: policies.internalTrafficPolicy,
    trafficDistribution: policies.trafficDistribution,
  };
}

/** The condition of the ServiceImport. */
export function importCondition({ details }: MergedService, ips: readonly string[]): Condition {
  const isReady = details.type === "Headless" || ips.length > 0;
  return isReady
    ? { type: "Ready", status: "True", reason: "Ready", message: "The service can be used." }
    : { type: "Ready", status: "False", reason: "Pending", message: "The service has no address yet." };
}

/** The name of the Service that has the clusterset IP. */
export const derivedServiceName = (name: string): string => derivedName("fairlead", name);

/** The Services of an import: one with the clusterset IP, or one for each pod of another cluster. */
export function wantedServices(imported: ImportedService): readonly WantedService[] {
  const { namespace, name, merged } = imported;
  const { details } = merged;
  if (details.type === "Headless") return remotePods(imported).map((pod) => podService(imported, pod));
  // Only an export that is not of a Service has no ports, and a Service needs one.
  if (merged.ports.length === 0) return [];
  return [
    {
      name: derivedServiceName(name),
      labels: { [IMPORT_LABEL]: name, [SERVICE_NAME_LABEL]: name },
      annotations: { [SERVICE_ANNOTATION]: networkName(namespace, name) },
      ports: named(merged.ports),
      sessionAffinity: details.sessionAffinity ?? "None",
      sessionAffinityTimeout:
        details.sessionAffinity === "ClientIP" ? details.sessionAffinityTimeout : undefined,
    },
  ];
}

/** The EndpointSlices of an import. @param addressOf the cluster IP of a Service of {@link wantedServices}, once it has one */
export function wantedSlices(
  imported: ImportedService,
  access: Access,
  addressOf: (service: string) => string | undefined,
): readonly WantedSlice[] {
  const { name, merged, own, remotes } = imported;
  const isHeadless = merged.details.type === "Headless";
  const service: Labels = isHeadless ? {} : { [SERVICE_LABEL]: derivedServiceName(name) };
  const labelsOf = (cluster: string): Labels => ({
    ...{ [IMPORT_LABEL]: name, [SERVICE_NAME_LABEL]: name, [SOURCE_CLUSTER_LABEL]: cluster },
    ...{ [SLICE_MANAGER_LABEL]: MANAGER },
    ...service,
  });
  const ofOwn = own === null ? [] : ownSlices(name, merged, own, labelsOf(own.cluster));
  const ofRemotes = remotes.flatMap((remote) => {
    const base = { name: derivedName("fairlead", name, remote.siteId), labels: labelsOf(remote.cluster) };
    if (!isHeadless)
      return connectorSlices(base, carriedPorts(merged.ports, remote, remote.carriers, access), access);
    const pods = remotePods(imported).filter((pod) => pod.remote === remote);
    return byFamily(base, {
      ports: sliceOfPorts(merged.ports.filter((port) => serves(remote.details, port))),
      endpoints: pods.flatMap((pod) => {
        const address = addressOf(podServiceName(imported, pod));
        return address === undefined ? [] : [{ ...READY, addresses: [address], hostname: pod.host }];
      }),
    });
  });
  const ofPods = isHeadless ? remotePods(imported).flatMap((pod) => podSlices(imported, pod, access)) : [];
  return [...ofOwn, ...ofRemotes, ...ofPods];
}

const READY = { ready: true, serving: true, terminating: false };

/** The slices of this cluster's own Service once more: its clients reach the pods without the network. */
function ownSlices(
  name: string,
  merged: MergedService,
  { siteId, slices }: NonNullable<ImportedService["own"]>,
  labels: Labels,
): readonly WantedSlice[] {
  const numbered = named(merged.ports);
  const mirrored = slices
    .filter(({ addressType }) => addressType !== "FQDN")
    .map(
      ({ meta, addressType, ports, endpoints }): WantedSlice => ({
        ...{ name: derivedName("fairlead", name, siteId, meta.name), labels, addressType },
        ports: merged.ports.flatMap((port, at) => {
          const found = ports.find((each) => portKey(each) === portKey(port));
          return found === undefined ? [] : [{ ...found, name: numbered[at]?.name ?? "" }];
        }),
        endpoints: endpoints.map(({ addresses, ready, serving, terminating, hostname }) => ({
          ...{ addresses, ready, serving, terminating, hostname },
        })),
      }),
    );
  if (mirrored.length > 0) return mirrored;
  const empty = { addressType: "IPv4", ports: [], endpoints: [] };
  return [{ name: derivedName("fairlead", name, siteId), labels, ...empty }];
}

interface SliceBase {
  readonly name: string;
  readonly labels: Labels;
}

/** Slices that lead to the connectors. */
const connectorSlices = (
  base: SliceBase,
  ports: WantedSlice["ports"],
  { addresses }: Access,
): WantedSlice[] =>
  byFamily(base, {
    ports,
    endpoints: addresses.map((address) => ({ ...READY, addresses: [address], hostname: undefined })),
  });

/** One slice for each family of addresses; there is always one for IPv4, by which others know of the export. */
function byFamily(
  { name, labels }: SliceBase,
  { ports, endpoints }: Pick<WantedSlice, "ports" | "endpoints">,
): WantedSlice[] {
  const of = (addressType: string) =>
    endpoints.filter(({ addresses: [address = ""] }) => address.includes(":") === (addressType === "IPv6"));
  const sixes = of("IPv6");
  return [
    { name, labels, addressType: "IPv4", ports, endpoints: of("IPv4") },
    ...(sixes.length === 0
      ? []
      : [{ name: `${name}-v6`, labels, addressType: "IPv6", ports, endpoints: sixes }]),
  ];
}

/** The ports that a site serves and the network carries, with the connectors' ports. */
const carriedPorts = (
  ports: readonly ExportedPort[],
  remote: RemoteExport,
  carriers: Carriers,
  access: Access,
): WantedSlice["ports"] =>
  named(ports).flatMap((port, at) => {
    const original = ports[at];
    if (original === undefined || !serves(remote.details, original) || port.protocol === "SCTP") return [];
    const transport = port.protocol === "UDP" ? "udp" : "tcp";
    const carrier = carriers[transport];
    const listener = carrier === undefined ? null : access.listenerPort(carrier, port.port, transport);
    return listener === null ? [] : [{ name: port.name ?? "", protocol: port.protocol, port: listener }];
  });

const sliceOfPorts = (ports: readonly ExportedPort[]): WantedSlice["ports"] =>
  named(ports).map(({ name = "", protocol, port }) => ({ name, protocol, port }));

/** Several ports of a Service all need names. */
export const named = (ports: readonly ExportedPort[]): readonly ExportedPort[] =>
  ports.length < 2
    ? ports
    : ports.map((port) => ({ ...port, name: port.name ?? `${port.protocol.toLowerCase()}-${port.port}` }));

/** The pods of other clusters whose ports the network carries, in an order that stays. */
const remotePods = ({ remotes }: ImportedService): readonly RemotePod[] =>
  remotes.flatMap((remote) =>
    [...remote.pods]
      .sort(([left], [right]) => compareText(left, right))
      .map(([host, carriers]) => ({ remote, host, carriers })),
  );

const podServiceName = ({ name }: ImportedService, { remote, host }: RemotePod): string =>
  derivedName("fairlead", name, remote.siteId, host, "pod");

function podService(imported: ImportedService, pod: RemotePod): WantedService {
  const { remote, carriers } = pod;
  const isCarried = ({ protocol }: ExportedPort) =>
    (protocol === "TCP" && carriers.tcp !== undefined) || (protocol === "UDP" && carriers.udp !== undefined);
  return {
    name: podServiceName(imported, pod),
    labels: { [IMPORT_LABEL]: imported.name },
    annotations: { [SERVICE_ANNOTATION]: carriers.tcp ?? carriers.udp ?? "" },
    ports: named(imported.merged.ports).filter(
      (port, at) => isCarried(port) && serves(remote.details, imported.merged.ports[at] ?? port),
    ),
    sessionAffinity: "None",
    sessionAffinityTimeout: undefined,
  };
}

function podSlices(imported: ImportedService, pod: RemotePod, access: Access): readonly WantedSlice[] {
  const service = podServiceName(imported, pod);
  const labels = {
    [IMPORT_LABEL]: imported.name,
    [SERVICE_LABEL]: service,
    [SLICE_MANAGER_LABEL]: MANAGER,
  };
  const ports = carriedPorts(imported.merged.ports, pod.remote, pod.carriers, access);
  return connectorSlices({ name: service, labels }, ports, access);
}
