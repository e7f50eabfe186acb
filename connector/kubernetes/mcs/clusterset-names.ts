/** The services of `clusterset.local`, as the ServiceImports of this cluster and their EndpointSlices say them. */
import type {
  ClustersetPod,
  ClustersetService,
  ClustersetSource,
} from "../../../protocol/dns/clusterset-zone.ts";
import type { EndpointSliceObject, View } from "../cluster/cluster.ts";
import type { ServiceImportObject } from "./objects.ts";
import { SERVICE_NAME_LABEL, SOURCE_CLUSTER_LABEL } from "./objects.ts";
import { hostOf } from "./ready-pods.ts";

export interface ClustersetViews {
  readonly imports: View<ServiceImportObject>;
  readonly endpointSlices: Pick<View<EndpointSliceObject>, "synced">;
  /** The slices of a ServiceImport. */
  slicesOf(namespace: string, name: string): readonly EndpointSliceObject[];
}

export class ClustersetNames implements ClustersetSource {
  readonly #views: ClustersetViews;

  constructor(views: ClustersetViews) {
    this.#views = views;
  }

  service(namespace: string, name: string): ClustersetService | "absent" | "unknown" {
    const { imports, endpointSlices } = this.#views;
    const found = imports.get(namespace, name);
    if (found === undefined) return imports.synced ? "absent" : "unknown";
    const ports = found.spec.ports.map((port) => ({ ...port, name: port.name ?? "" }));
    if (found.spec.type !== "Headless") return { addresses: found.spec.ips ?? [], ports, pods: null };
    if (!endpointSlices.synced) return "unknown";
    return { addresses: [], ports, pods: this.#views.slicesOf(namespace, name).flatMap(podsOf) };
  }
}

/** The ready pods of a slice. A slice without a source is no part of the clusterset. */
function podsOf({ meta, ports, endpoints }: EndpointSliceObject): ClustersetPod[] {
  const cluster = meta.labels[SOURCE_CLUSTER_LABEL];
  if (cluster === undefined || meta.labels[SERVICE_NAME_LABEL] === undefined) return [];
  const numbered = ports.flatMap(({ port, ...rest }) => (port === undefined ? [] : [{ ...rest, port }]));
  return endpoints
    .filter(({ ready }) => ready)
    .flatMap(({ addresses, hostname }) =>
      addresses.map((address) => ({ cluster, address, host: hostOf(hostname, address), ports: numbered })),
    );
}
