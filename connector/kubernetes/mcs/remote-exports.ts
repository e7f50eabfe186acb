/** The exports of other clusters, out of the services of the network. */
import type { ServiceExportDetails } from "../../../protocol/uplink/export-details.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import type { ClusterExport } from "./merge.ts";
import { networkName, podNetworkName, podUdpNetworkName, udpNetworkName } from "./network-name.ts";

/** The services of the network that carry an export, or one pod of it. */
export interface Carriers {
  tcp?: string;
  udp?: string;
}

/** The export of another cluster. */
export interface RemoteExport extends ClusterExport {
  readonly siteId: string;
  readonly carriers: Carriers;
  /** By host name; of a headless Service alone. */
  readonly pods: ReadonlyMap<string, Carriers>;
}

/** The key of a Service: its namespace and name. */
export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** An export of which only some services are read. */
class Gathered {
  readonly siteId: string;
  readonly cluster: string;
  readonly carriers: Carriers = {};
  readonly pods = new Map<string, Carriers>();
  details: ServiceExportDetails | null = null;

  constructor(siteId: string, cluster: string) {
    this.siteId = siteId;
    this.cluster = cluster;
  }

  carriersOf(host: string | undefined): Carriers {
    if (host === undefined) return this.carriers;
    const carriers = this.pods.get(host) ?? {};
    this.pods.set(host, carriers);
    return carriers;
  }
}

/**
 * The exports of other sites, by key. Details that do not belong to the name of their service are of nobody's Service:
 * a site cannot speak for a Service by another name.
 */
export function remoteExports(
  services: readonly VisibleService[],
): ReadonlyMap<string, readonly RemoteExport[]> {
  const found = new Map<string, Map<string, Gathered>>();
  for (const { name, offers } of services) {
    for (const { site, siteName, export: details, headless } of offers) {
      if (details === undefined) continue;
      const transport = transportOf(name, details, siteName, headless?.host);
      if (transport === null) continue;
      const sites = found.get(keyOf(details)) ?? new Map<string, Gathered>();
      found.set(keyOf(details), sites);
      const gathered = sites.get(site) ?? new Gathered(site, siteName);
      sites.set(site, gathered);
      gathered.carriersOf(headless?.host)[transport] = name;
      if (headless === undefined) gathered.details = older(gathered.details, details);
    }
  }
  return new Map([...found].map(([key, sites]) => [key, [...sites.values()].flatMap(exportOf)]));
}

/** Pods without their service are of an export that has not arrived whole, or that is ending. */
const exportOf = ({ details, ...rest }: Gathered): RemoteExport[] =>
  details === null ? [] : [{ ...rest, details }];

/** Which ports of the export a service carries; null if its name is not that of the export. */
function transportOf(
  service: string,
  { namespace, name }: ServiceExportDetails,
  siteName: string,
  host: string | undefined,
): keyof Carriers | null {
  const tcp =
    host === undefined ? networkName(namespace, name) : podNetworkName(namespace, name, siteName, host);
  const udp =
    host === undefined ? udpNetworkName(namespace, name) : podUdpNetworkName(namespace, name, siteName, host);
  return service === tcp ? "tcp" : service === udp ? "udp" : null;
}

/** Connectors of one site may hear of a change one after the other; every reader takes the same one for the time. */
function older(left: ServiceExportDetails | null, right: ServiceExportDetails): ServiceExportDetails {
  if (left === null) return right;
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? left : right;
  return JSON.stringify(left) < JSON.stringify(right) ? left : right;
}
