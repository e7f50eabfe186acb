/** The kinds of objects that a connector reads or writes, and their paths. */

export interface Kind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** True for a kind whose objects are in no namespace. */
  readonly isClusterScoped?: true;
}

const kind = (group: string, version: string, plural: string, name: string): Kind => ({
  ...{ group, version, plural },
  kind: name,
});

export const KINDS = {
  services: kind("", "v1", "services", "Service"),
  pods: kind("", "v1", "pods", "Pod"),
  secrets: kind("", "v1", "secrets", "Secret"),
  configMaps: kind("", "v1", "configmaps", "ConfigMap"),
  namespaces: { ...kind("", "v1", "namespaces", "Namespace"), isClusterScoped: true },
  deployments: kind("apps", "v1", "deployments", "Deployment"),
  statefulSets: kind("apps", "v1", "statefulsets", "StatefulSet"),
  daemonSets: kind("apps", "v1", "daemonsets", "DaemonSet"),
  endpointSlices: kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  leases: kind("coordination.k8s.io", "v1", "leases", "Lease"),
  events: kind("events.k8s.io", "v1", "events", "Event"),
  serviceExports: kind("multicluster.x-k8s.io", "v1alpha1", "serviceexports", "ServiceExport"),
  serviceImports: kind("multicluster.x-k8s.io", "v1alpha1", "serviceimports", "ServiceImport"),
} as const satisfies Record<string, Kind>;

/** `v1`, or `apps/v1`. */
export const apiVersionOf = ({ group, version }: Kind): string =>
  group === "" ? version : `${group}/${version}`;

/** The path of a collection: of one namespace, or of all. */
export function collectionPath({ group, version, plural }: Kind, namespace?: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

/** The path of an object; the namespace does not matter where objects are in none. */
export const objectPath = (of: Kind, namespace: string, name: string): string =>
  `${collectionPath(of, of.isClusterScoped === true ? undefined : namespace)}/${name}`;
