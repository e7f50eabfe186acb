/**
 * CustomResourceDefinitions of the Multi-Cluster Services API, as mcs-api 0.5 has them for a client: v1alpha1 and
 * v1beta1 served, v1beta1 stored, status a subresource.
 */
import type { JsonObject } from "./json.ts";

const GROUP = "multicluster.x-k8s.io";
const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };

const CONDITIONS: JsonObject = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["lastTransitionTime", "message", "reason", "status", "type"],
    properties: {
      lastTransitionTime: { type: "string", format: "date-time" },
      message: { type: "string", maxLength: 32_768 },
      observedGeneration: { type: "integer", format: "int64", minimum: 0 },
      reason: {
        type: "string",
        maxLength: 1024,
        minLength: 1,
        pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
      },
      status: { type: "string", enum: ["True", "False", "Unknown"] },
      type: { type: "string", maxLength: 316 },
    },
  },
};

const EXPORT_SPEC: JsonObject = {
  type: "object",
  properties: { exportedLabels: texts, exportedAnnotations: texts },
};

const IMPORT_FIELDS: JsonObject = {
  ips: { type: "array", maxItems: 2, items: text },
  ports: {
    type: "array",
    "x-kubernetes-list-type": "atomic",
    items: {
      type: "object",
      required: ["port"],
      properties: {
        appProtocol: text,
        name: text,
        port: { type: "integer", format: "int32" },
        protocol: { type: "string", default: "TCP" },
      },
    },
  },
  sessionAffinity: text,
  sessionAffinityConfig: {
    type: "object",
    properties: {
      clientIP: { type: "object", properties: { timeoutSeconds: { type: "integer", format: "int32" } } },
    },
  },
  type: { type: "string", enum: ["ClusterSetIP", "Headless"] },
  internalTrafficPolicy: text,
  trafficDistribution: text,
  ipFamilies: { type: "array", items: text },
};

const IMPORT_STATUS: JsonObject = {
  type: "object",
  properties: {
    conditions: CONDITIONS,
    clusters: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["cluster"],
      items: { type: "object", required: ["cluster"], properties: { cluster: text } },
    },
  },
};

function definition(
  kind: string,
  plural: string,
  shortName: string,
  schemas: readonly JsonObject[],
): JsonObject {
  const versions = ["v1alpha1", "v1beta1"].map((name, index) => ({
    name,
    served: true,
    storage: name === "v1beta1",
    subresources: { status: {} },
    schema: {
      openAPIV3Schema: { type: "object", properties: { metadata: { type: "object" }, ...schemas[index] } },
    },
  }));
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${GROUP}`,
      annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/mcs-api" },
    },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: [shortName] },
      versions,
    },
  };
}

const EXPORT: JsonObject = {
  spec: EXPORT_SPEC,
  status: { type: "object", properties: { conditions: CONDITIONS } },
};

const IMPORT: JsonObject = {
  spec: { type: "object", required: ["ports", "type"], properties: IMPORT_FIELDS },
  status: IMPORT_STATUS,
};

/** The definitions of ServiceExport and ServiceImport. */
export const MCS_DEFINITIONS: readonly JsonObject[] = [
  definition("ServiceExport", "serviceexports", "svcex", [EXPORT, EXPORT]),
  definition("ServiceImport", "serviceimports", "svcim", [IMPORT, IMPORT]),
];
