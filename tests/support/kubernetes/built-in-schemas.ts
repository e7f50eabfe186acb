/**
 * Schemas of the built-in types, read from the declarations of the npm package kubernetes-types, which are generated
 * from the API's own OpenAPI document. The package has names, types and what is required; how lists merge, and fields
 * newer than the package, stand here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../run/repository-files.ts";
import type { Schema } from "./schema.ts";
import { noSuchPath } from "./status.ts";

const PACKAGE = join(ROOT, "node_modules/kubernetes-types");

/** Files of the package, with the names that OpenAPI has for their types. */
const FILES: Readonly<Record<string, string>> = {
  "meta/v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
  "core/v1": "io.k8s.api.core.v1",
  "apps/v1": "io.k8s.api.apps.v1",
  "discovery/v1": "io.k8s.api.discovery.v1",
  "coordination/v1": "io.k8s.api.coordination.v1",
  "events/v1": "io.k8s.api.events.v1",
  "rbac/v1": "io.k8s.api.rbac.v1",
  "networking/v1": "io.k8s.api.networking.v1",
  "policy/v1": "io.k8s.api.policy.v1",
  "authentication/v1": "io.k8s.api.authentication.v1",
  "authorization/v1": "io.k8s.api.authorization.v1",
};

/** Types that are written as text or numbers, or are open. */
const PLAIN: Readonly<Record<string, Schema>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  number: { type: "integer" },
  "number | string": { "x-kubernetes-int-or-string": true },
  Time: { type: "string", format: "date-time", nullable: true },
  MicroTime: { type: "string", format: "micro-time", nullable: true },
  Quantity: { "x-kubernetes-int-or-string": true, format: "quantity" },
  FieldsV1: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  RawExtension: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
};

/** Keys by which a list merges in a server-side apply, then, where it differs, in a strategic merge patch. */
type ListKeys = readonly [apply: readonly string[], patch?: string];

/** Lists that merge, by `Type.field`. All others are replaced as a whole. */
const MERGED_LISTS: Readonly<Record<string, ListKeys>> = {
  "ObjectMeta.ownerReferences": [["uid"]],
  "ServiceSpec.ports": [["port", "protocol"], "port"],
  "PodSpec.containers": [["name"]],
  "PodSpec.initContainers": [["name"]],
  "PodSpec.volumes": [["name"]],
  "PodSpec.imagePullSecrets": [["name"]],
  "PodSpec.hostAliases": [["ip"]],
  "PodSpec.topologySpreadConstraints": [["topologyKey", "whenUnsatisfiable"], "topologyKey"],
  "Container.ports": [["containerPort", "protocol"], "containerPort"],
  "Container.env": [["name"]],
  "Container.volumeMounts": [["mountPath"]],
  "Container.volumeDevices": [["devicePath"]],
  "ServiceAccount.secrets": [["name"]],
  "DeploymentStatus.conditions": [["type"]],
  "ServiceStatus.conditions": [["type"]],
  "PodStatus.conditions": [["type"]],
  "PodStatus.podIPs": [["ip"]],
  "NamespaceStatus.conditions": [["type"]],
  "StatefulSetStatus.conditions": [["type"]],
  "DaemonSetStatus.conditions": [["type"]],
  "PodDisruptionBudgetStatus.conditions": [["type"]],
};

/** Lists of plain values that are sets. */
const SETS = ["ObjectMeta.finalizers", "Endpoint.addresses"];

/** Objects that have one owner as a whole: types, or fields that are maps. */
const ATOMIC_MAPS = new Set([
  "LabelSelector",
  "ObjectReference",
  "LocalObjectReference",
  "SecretKeySelector",
  "ConfigMapKeySelector",
  "ResourceFieldSelector",
  "ObjectFieldSelector",
  "NodeSelector",
  "RoleRef",
  "Subject",
  "TypedLocalObjectReference",
  "ServiceSpec.selector",
  "PodSpec.nodeSelector",
]);

/** Fields that the package leaves out, since clients only read them, and fields of Kubernetes 1.36 that it does not know. */
const FURTHER_FIELDS: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
    uid: { type: "string" },
    resourceVersion: { type: "string" },
    generation: { type: "integer" },
    creationTimestamp: { type: "string", format: "date-time", nullable: true },
    deletionTimestamp: { type: "string", format: "date-time", nullable: true },
    deletionGracePeriodSeconds: { type: "integer" },
    selfLink: { type: "string" },
  },
  "io.k8s.api.core.v1.PodSpec": {
    hostnameOverride: { type: "string" },
    resources: { $ref: "io.k8s.api.core.v1.ResourceRequirements" },
  },
  "io.k8s.api.core.v1.PodStatus": {
    observedGeneration: { type: "integer" },
    hostIPs: {
      type: "array",
      items: { type: "object", properties: { ip: { type: "string" } } },
    },
  },
  "io.k8s.api.core.v1.PodCondition": { observedGeneration: { type: "integer" } },
  "io.k8s.api.core.v1.PodSecurityContext": {
    seLinuxChangePolicy: { type: "string" },
    supplementalGroupsPolicy: { type: "string" },
  },
  "io.k8s.api.coordination.v1.LeaseSpec": {
    preferredHolder: { type: "string" },
    strategy: { type: "string" },
  },
  "io.k8s.api.apps.v1.ReplicaSetStatus": { terminatingReplicas: { type: "integer" } },
  "io.k8s.api.apps.v1.DeploymentStatus": { terminatingReplicas: { type: "integer" } },
  "io.k8s.api.discovery.v1.EndpointHints": {
    forNodes: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
  },
};

const schemas = new Map<string, Schema>();
let isRead = false;

/** All schemas by their names in OpenAPI. */
export function builtInSchemas(): ReadonlyMap<string, Schema> {
  if (isRead) return schemas;
  isRead = true;
  for (const [file, prefix] of Object.entries(FILES)) readFile(file, prefix);
  return schemas;
}

/** Follows a reference. */
export function resolve(schema: Schema | undefined): Schema {
  if (schema === undefined) return {};
  if (schema.$ref === undefined) return schema;
  const found = builtInSchemas().get(schema.$ref);
  if (found === undefined) throw noSuchPath();
  return found;
}

export const schemaNamed = (name: string): Schema => resolve({ $ref: name });

/** The schema of every object's metadata. */
export const OBJECT_META: Schema = { $ref: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" };

/** Reads the interfaces of one file of declarations. */
function readFile(file: string, prefix: string): void {
  const text = readFileSync(join(PACKAGE, `${file}.d.ts`), "utf8").replace(/\/\*\*[\s\S]*?\*\//g, "");
  const imported = new Map<string, string>();
  for (const [, names = "", from = ""] of text.matchAll(/^import \{ (.*) \} from "\.\.\/(.*)";$/gm)) {
    for (const name of names.split(", ")) imported.set(name, FILES[from] ?? "");
  }
  const typeOf = (written: string): Schema => {
    const plain = PLAIN[written];
    if (plain !== undefined) return plain;
    if (/^"|^any$|^unknown$/.test(written)) return written.startsWith('"') ? { type: "string" } : {};
    const [, item] = /^Array<(.*)>$/.exec(written) ?? [];
    if (item !== undefined) return { type: "array", items: typeOf(item) };
    const [, value] = /^\{\s*\[\w+: string\]: (.*);\s*\}$/.exec(written) ?? [];
    if (value !== undefined) return { type: "object", additionalProperties: typeOf(value) };
    return { $ref: `${imported.get(written) ?? prefix}.${written}` };
  };
  for (const [, name = "", body = ""] of text.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const [, key = "", optional, written = ""] of body.matchAll(
      /^ {4}"?([\w$-]+)"?(\??): ([^{}\n]*|\{[\s\S]*?\n {4}\});$/gm,
    )) {
      properties[key] = merging(`${name}.${key}`, typeOf(written));
      if (optional === "") required.push(key);
    }
    Object.assign(properties, FURTHER_FIELDS[`${prefix}.${name}`]);
    // The package leaves out the status of objects, which clients read, and has its type.
    if (properties.kind !== undefined && text.includes(`export interface ${name}Status {`)) {
      properties.status ??= { $ref: `${prefix}.${name}Status` };
    }
    schemas.set(`${prefix}.${name}`, {
      type: "object",
      properties,
      ...(required.length === 0 ? {} : { required }),
      ...(ATOMIC_MAPS.has(name) ? { "x-kubernetes-map-type": "atomic" } : {}),
    });
  }
}

function merging(field: string, schema: Schema): Schema {
  const [keys, patchKey = keys?.[0]] = MERGED_LISTS[field] ?? [];
  if (keys !== undefined && patchKey !== undefined) {
    return {
      ...schema,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": keys,
      "x-kubernetes-patch-merge-key": patchKey,
      "x-kubernetes-patch-strategy": "merge",
    };
  }
  if (SETS.includes(field)) {
    return { ...schema, "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge" };
  }
  if (ATOMIC_MAPS.has(field)) return { ...schema, "x-kubernetes-map-type": "atomic" };
  return schema;
}
