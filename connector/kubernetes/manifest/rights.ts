/** What the connector's account may do, each right with its reason. The roles and the table of the manual come from here. */
import type { PolicyRule } from "kubernetes-types/rbac/v1";
import { CONNECTOR, LISTENERS, STATE } from "./names.ts";
import { type Expression, type Template, type Text, value } from "./template.ts";

/** A rule of a role. */
export interface Right {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** The only objects that the right is about. */
  readonly names?: readonly Text[];
  /** Why the connector needs it, as a sentence. */
  readonly reason: string;
  /** The value that the right depends on. */
  readonly condition?: keyof typeof CONDITIONS;
}

/** Values that rights depend on. */
export const CONDITIONS = {
  multiClusterServices: value("multiClusterServices"),
  openshift: value("openshift"),
} as const satisfies Record<string, Expression<boolean>>;

const CORE = "";
const APPS = "apps";
const COORDINATION = "coordination.k8s.io";
const DISCOVERY = "discovery.k8s.io";
const EVENTS = "events.k8s.io";
const MULTI_CLUSTER = "multicluster.x-k8s.io";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "delete"];

const RECORD_EVENTS: Right = {
  group: EVENTS,
  resources: ["events"],
  verbs: ["create", "patch"],
  reason:
    "Events tell what was exposed and made, and what could not be. A repeated one is counted by a patch.",
};

const RESTRICTED_SLICES: Right = {
  group: DISCOVERY,
  resources: ["endpointslices/restricted"],
  verbs: ["create"],
  reason: "OpenShift asks for this right where an EndpointSlice names addresses of pods.",
  condition: "openshift",
};

/** In the connector's own namespace: the objects that it keeps for itself. */
export const OWN_RIGHTS: readonly Right[] = [
  {
    group: COORDINATION,
    resources: ["leases"],
    verbs: ["create"],
    reason: "The first replica makes the Lease. A right to create cannot be limited to a name.",
  },
  {
    group: COORDINATION,
    resources: ["leases"],
    verbs: ["get", "update"],
    names: [CONNECTOR],
    reason: "The holder of the Lease is the one replica that writes to the API server.",
  },
  {
    group: CORE,
    resources: ["secrets"],
    verbs: ["create"],
    reason: "The first replica stores the key that it made. A right to create cannot be limited to a name.",
  },
  {
    group: CORE,
    resources: ["secrets"],
    verbs: ["get", "watch", "update"],
    names: [STATE],
    reason: "The site's key, certificates and links, which all replicas share and a new pod starts with.",
  },
  {
    group: CORE,
    resources: ["configmaps"],
    verbs: ["create"],
    reason:
      "The first writer stores the ports of the listeners. A right to create cannot be limited to a name.",
  },
  {
    group: CORE,
    resources: ["configmaps"],
    verbs: [...READ, "update"],
    names: [LISTENERS],
    reason: "A service of the network keeps its port at every replica, and after a restart.",
  },
  {
    group: CORE,
    resources: ["pods"],
    verbs: READ,
    reason: "Which replicas are ready, and at which addresses.",
  },
  RECORD_EVENTS,
];

/** In each namespace whose objects can be exposed or exported. */
export const EXPORT_RIGHTS: readonly Right[] = [
  {
    group: CORE,
    resources: ["services"],
    verbs: READ,
    reason: "Which Services are annotated or exported, and their ports.",
  },
  {
    group: DISCOVERY,
    resources: ["endpointslices"],
    verbs: READ,
    reason: "Which pods of a Service are ready, and at which addresses.",
  },
  {
    group: APPS,
    resources: ["deployments", "statefulsets", "daemonsets"],
    verbs: READ,
    reason: "Which workloads are annotated, and the ports of their containers.",
  },
  {
    group: CORE,
    resources: ["pods"],
    verbs: READ,
    reason:
      "Which pods of an annotated workload are ready. The pods of annotated workloads alone are listed.",
  },
  RECORD_EVENTS,
  {
    group: MULTI_CLUSTER,
    resources: ["serviceexports"],
    verbs: READ,
    reason: "Which Services are exported to the other clusters.",
    condition: "multiClusterServices",
  },
  {
    group: MULTI_CLUSTER,
    resources: ["serviceexports/status"],
    verbs: ["update"],
    reason: "Conditions tell whether an export is valid, ready and without conflicts.",
    condition: "multiClusterServices",
  },
  {
    group: MULTI_CLUSTER,
    resources: ["serviceimports"],
    verbs: [...READ, ...WRITE],
    reason: "A ServiceImport for each Service that a cluster exports.",
    condition: "multiClusterServices",
  },
  {
    group: MULTI_CLUSTER,
    resources: ["serviceimports/status"],
    verbs: ["update"],
    reason: "The clusters that export a Service.",
    condition: "multiClusterServices",
  },
  {
    group: CORE,
    resources: ["services"],
    verbs: WRITE,
    reason: "The Service behind a ServiceImport, which has its address. Only own Services are changed.",
    condition: "multiClusterServices",
  },
  {
    group: DISCOVERY,
    resources: ["endpointslices"],
    verbs: WRITE,
    reason: "The endpoints of that Service: the connectors, or this cluster's own pods.",
    condition: "multiClusterServices",
  },
  RESTRICTED_SLICES,
];

/** In each namespace in which Services are made. */
export const IMPORT_RIGHTS: readonly Right[] = [
  {
    group: CORE,
    resources: ["services"],
    verbs: [...READ, ...WRITE],
    reason: "A Service for each service that other sites offer. Only own Services are changed.",
  },
  {
    group: DISCOVERY,
    resources: ["endpointslices"],
    verbs: [...READ, ...WRITE],
    reason: "The endpoints of these Services outside of the connector's namespace: the connectors.",
  },
  RESTRICTED_SLICES,
  RECORD_EVENTS,
];

/** In the whole cluster, where all namespaces are read. */
export const CLUSTER_RIGHTS: readonly Right[] = [
  {
    group: CORE,
    resources: ["namespaces"],
    verbs: READ,
    reason: "A namespace that was made again gets its imports again, and one that ends gets none.",
  },
];

/** All rights, by the namespaces in which the account has them. */
export const RIGHTS: readonly { readonly where: string; readonly rights: readonly Right[] }[] = [
  { where: "its own namespace", rights: OWN_RIGHTS },
  { where: "`--watch-namespaces`", rights: EXPORT_RIGHTS },
  { where: "`--import-namespaces`", rights: IMPORT_RIGHTS },
  { where: "the cluster, with `--cluster-wide`", rights: CLUSTER_RIGHTS },
];

/** A right as the rule of a role. */
export const ruleOf = ({ group, resources, verbs, names }: Right): Template<PolicyRule> => ({
  apiGroups: [group],
  resources,
  ...(names === undefined ? {} : { resourceNames: names }),
  verbs,
});
