/** What a new cluster has: namespaces, the roles of the system, and the Service of the API. */

import type { JsonObject } from "./json.ts";
import { newMetadata } from "./metadata.ts";
import type { KubeObject } from "./object.ts";
import type { Storage } from "./storage.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

const DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/version/"];
const HEALTH = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

const READ = ["get", "list", "watch"];
const CONTENT = ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "serviceaccounts", "services"];
const WORKLOADS = ["daemonsets", "deployments", "replicasets", "statefulsets"];

const viewRules: JsonObject[] = [
  { apiGroups: [""], resources: [...CONTENT, "events", "namespaces"], verbs: READ },
  { apiGroups: ["apps"], resources: WORKLOADS, verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
];
const editRules: JsonObject[] = [
  ...viewRules,
  {
    apiGroups: [""],
    resources: [...CONTENT, "secrets"],
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  },
  {
    apiGroups: ["apps"],
    resources: WORKLOADS,
    verbs: ["create", "delete", "deletecollection", "patch", "update"],
  },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  },
];

const ROLES: Readonly<Record<string, JsonObject[]>> = {
  "cluster-admin": [
    { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
    { nonResourceURLs: ["*"], verbs: ["*"] },
  ],
  admin: editRules,
  edit: editRules,
  view: viewRules,
  "system:discovery": [{ nonResourceURLs: [...DISCOVERY, ...HEALTH], verbs: ["get"] }],
  "system:public-info-viewer": [{ nonResourceURLs: HEALTH, verbs: ["get"] }],
  "system:basic-user": [
    {
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      verbs: ["create"],
    },
    { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
  ],
};

const BINDINGS = [
  ["cluster-admin", ["system:masters"]],
  ["system:discovery", ["system:authenticated"]],
  ["system:basic-user", ["system:authenticated"]],
  ["system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]],
] as const;

const RBAC = { group: "rbac.authorization.k8s.io", apiVersion: "rbac.authorization.k8s.io/v1" };

/** Writes the first objects. */
export function bootstrap(storage: Storage): void {
  const put = (resource: string, object: JsonObject, name: string, labels: JsonObject = {}) => {
    const metadata = { ...newMetadata({ name, labels }, "", Date.now()) };
    storage.collection(resource).put(name, { ...object, metadata } as KubeObject);
  };
  for (const name of NAMESPACES) {
    const namespace = { kind: "Namespace", apiVersion: "v1", spec: { finalizers: ["kubernetes"] } };
    put("namespaces", { ...namespace, status: { phase: "Active" } }, name, {
      "kubernetes.io/metadata.name": name,
    });
  }
  for (const [name, rules] of Object.entries(ROLES)) {
    put(`clusterroles.${RBAC.group}`, { kind: "ClusterRole", apiVersion: RBAC.apiVersion, rules }, name);
  }
  for (const [name, groups] of BINDINGS) {
    const subjects = groups.map((group) => ({ kind: "Group", apiGroup: RBAC.group, name: group }));
    const roleRef = { apiGroup: RBAC.group, kind: "ClusterRole", name };
    const binding = { kind: "ClusterRoleBinding", apiVersion: RBAC.apiVersion, subjects, roleRef };
    put(`clusterrolebindings.${RBAC.group}`, binding, name);
  }
}
