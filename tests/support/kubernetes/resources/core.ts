/** The core group: namespaces, services, pods, secrets, configmaps, accounts, nodes. */
import { at, equal, type JsonObject, objectIn, objectsIn, textIn } from "../json.ts";
import { dnsLabel } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import { type FieldFault, forbiddenField, invalidValue, required } from "../status.ts";
import type { Storage } from "../storage.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";
import { completePod, podFaults } from "./pod-spec.ts";
import { serviceType } from "./service.ts";

const CORE = "io.k8s.api.core.v1";

export interface CoreOptions {
  /** Range of the addresses of Services: "10.96.0.0/16". */
  readonly serviceRange: string;
}

export function coreTypes(storage: Storage, { serviceRange }: CoreOptions): ResourceType[] {
  return [
    builtIn(CORE, {
      group: "",
      resource: "namespaces",
      kind: "Namespace",
      shortNames: ["ns"],
      namespaced: false,
      hasStatus: true,
      selectable: ["status.phase"],
      nameFault: dnsLabel,
      complete: completeNamespace,
      columns: [NAME, column("Status", ({ status }) => textIn(at(status, "phase"))), AGE],
    }),
    serviceType(storage, serviceRange),
    builtIn(CORE, {
      group: "",
      resource: "pods",
      kind: "Pod",
      shortNames: ["po"],
      categories: ["all"],
      hasStatus: true,
      graceful: true,
      returnsDeleted: true,
      selectable: [
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
      ],
      complete: (pod) => {
        const spec = objectIn(pod.spec);
        pod.spec = spec;
        completePod(spec);
        spec.serviceAccountName ??= "default";
        spec.serviceAccount ??= spec.serviceAccountName;
        pod.status ??= { phase: "Pending", qosClass: "BestEffort" };
      },
      faults: ({ spec }, before) => (before === undefined ? podFaults(objectIn(spec), "spec") : []),
      columns: [
        NAME,
        column("Ready", ({ spec, status }) => {
          const ready = objectsIn(at(status, "containerStatuses")).filter((each) => each.ready === true);
          return `${ready.length}/${objectsIn(at(spec, "containers")).length}`;
        }),
        column("Status", ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined ? textIn(at(status, "phase")) : "Terminating",
        ),
        column("Restarts", () => "0"),
        AGE,
        column("IP", ({ status }) => textIn(at(status, "podIP")) || "<none>", 1),
      ],
    }),
    builtIn(CORE, {
      group: "",
      resource: "secrets",
      kind: "Secret",
      selectable: ["type"],
      complete: (secret) => {
        secret.type ??= "Opaque";
        const texts = Object.entries(objectIn(secret.stringData));
        if (texts.length > 0) {
          const data = objectIn(secret.data);
          for (const [key, value] of texts) data[key] = Buffer.from(textIn(value)).toString("base64");
          secret.data = data;
        }
        delete secret.stringData;
      },
      faults: (secret, before) => [
        ...keyFaults(objectIn(secret.data), "data"),
        ...base64Faults(objectIn(secret.data)),
        ...frozenFaults(secret, before),
        ...(before !== undefined && !equal(secret.type, before.type)
          ? [invalidValue("type", secret.type, "field is immutable")]
          : []),
      ],
      columns: [
        NAME,
        column("Type", ({ type }) => textIn(type)),
        column("Data", ({ data }) => Object.keys(objectIn(data)).length),
        AGE,
      ],
    }),
    builtIn(CORE, {
      group: "",
      resource: "configmaps",
      kind: "ConfigMap",
      shortNames: ["cm"],
      faults: (map, before) => [...keyFaults(objectIn(map.data), "data"), ...frozenFaults(map, before)],
      columns: [NAME, column("Data", ({ data }) => Object.keys(objectIn(data)).length), AGE],
    }),
    builtIn(CORE, {
      group: "",
      resource: "serviceaccounts",
      kind: "ServiceAccount",
      shortNames: ["sa"],
      returnsDeleted: true,
      columns: [NAME, column("Secrets", () => 0), AGE],
    }),
    builtIn(CORE, {
      group: "",
      resource: "nodes",
      kind: "Node",
      shortNames: ["no"],
      namespaced: false,
      hasStatus: true,
      selectable: ["spec.unschedulable"],
    }),
    builtIn(CORE, {
      group: "",
      resource: "endpoints",
      kind: "Endpoints",
      shortNames: ["ep"],
      singular: "endpoints",
    }),
    builtIn(CORE, {
      group: "",
      resource: "persistentvolumeclaims",
      kind: "PersistentVolumeClaim",
      shortNames: ["pvc"],
      hasStatus: true,
      returnsDeleted: true,
    }),
  ];
}

function completeNamespace(namespace: KubeObject, before: KubeObject | undefined): void {
  const { metadata } = namespace;
  metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  // Finalizers of a namespace change through its subresource `finalize` alone.
  namespace.spec = before === undefined ? { finalizers: ["kubernetes"] } : before.spec;
  namespace.status ??= { phase: "Active" };
}

const DATA_KEY = /^[-._a-zA-Z0-9]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const keyFaults = (data: JsonObject, path: string): FieldFault[] =>
  Object.keys(data)
    .filter((key) => !DATA_KEY.test(key) || key.length > 253)
    .map((key) =>
      invalidValue(
        `${path}[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    );

const base64Faults = (data: JsonObject): FieldFault[] =>
  Object.entries(data)
    .filter(([, value]) => !BASE64.test(textIn(value)))
    .map(([key]) => invalidValue(`data[${key}]`, "", "illegal base64 data"));

/** A Secret or ConfigMap with `immutable` keeps its data. */
function frozenFaults(object: KubeObject, before: KubeObject | undefined): FieldFault[] {
  if (before?.immutable !== true) return [];
  if (object.immutable !== true)
    return [forbiddenField("immutable", "field is immutable when `immutable` is set")];
  return equal(object.data, before.data)
    ? []
    : [forbiddenField("data", "field is immutable when `immutable` is set")];
}

export const requiredText = (value: unknown, field: string): FieldFault[] =>
  typeof value === "string" && value !== "" ? [] : [required(field)];
