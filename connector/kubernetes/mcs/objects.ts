/** ServiceExports and ServiceImports, as they are read. Both served versions have the same fields. */
import * as z from "zod";
import type { Kind } from "../api/kinds.ts";
import type { Meta } from "../cluster/cluster.ts";
import { metaOf } from "../cluster/keep.ts";
import type { StoredCondition } from "./conditions.ts";

const kind = (version: string, plural: string, name: string): Kind => ({
  ...{ group: "multicluster.x-k8s.io", version, plural },
  kind: name,
});

/** The versions in the order in which they are preferred. */
const VERSIONS = ["v1beta1", "v1alpha1"];
export const EXPORT_KINDS: readonly Kind[] = VERSIONS.map((each) =>
  kind(each, "serviceexports", "ServiceExport"),
);
export const IMPORT_KINDS: readonly Kind[] = VERSIONS.map((each) =>
  kind(each, "serviceimports", "ServiceImport"),
);

/** Label of everything that is derived from a ServiceImport: its name. */
export const SERVICE_NAME_LABEL = "multicluster.kubernetes.io/service-name";
/** Label of an EndpointSlice: the cluster that its endpoints are of. */
export const SOURCE_CLUSTER_LABEL = "multicluster.kubernetes.io/source-cluster";

const Texts = z.record(z.string(), z.string());

const Conditions = z.array(
  z.object({
    type: z.string(),
    status: z.enum(["True", "False", "Unknown"]),
    reason: z.string().default(""),
    message: z.string().default(""),
    observedGeneration: z.number().optional(),
    lastTransitionTime: z.string().default(""),
  }),
);

const Export = z.object({
  spec: z.object({ exportedLabels: Texts.optional(), exportedAnnotations: Texts.optional() }).default({}),
  status: z.object({ conditions: Conditions.default([]) }).default({ conditions: [] }),
});

const ImportSpec = z.object({
  type: z.string(),
  ports: z
    .array(
      z.object({
        name: z.string().optional(),
        protocol: z.string().default("TCP"),
        appProtocol: z.string().optional(),
        port: z.number(),
      }),
    )
    .default([]),
  ips: z.array(z.string()).optional(),
  sessionAffinity: z.string().optional(),
  sessionAffinityConfig: z.unknown().optional(),
  ipFamilies: z.array(z.string()).optional(),
  internalTrafficPolicy: z.string().optional(),
  trafficDistribution: z.string().optional(),
});

const Import = z.object({
  spec: ImportSpec,
  status: z
    .object({
      clusters: z.array(z.object({ cluster: z.string() })).default([]),
      conditions: Conditions.default([]),
    })
    .default({ clusters: [], conditions: [] }),
});

export interface ServiceExportObject {
  readonly meta: Meta;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly conditions: readonly StoredCondition[];
}

export type ServiceImportSpec = z.infer<typeof ImportSpec>;

export interface ServiceImportObject {
  readonly meta: Meta;
  readonly spec: ServiceImportSpec;
  readonly clusters: readonly string[];
  readonly conditions: readonly StoredCondition[];
}

/** What is kept of a ServiceExport. */
export function keepServiceExport(object: Record<string, unknown>): ServiceExportObject {
  const { spec, status } = Export.parse(object);
  return {
    meta: metaOf(object),
    labels: spec.exportedLabels,
    annotations: spec.exportedAnnotations,
    conditions: status.conditions,
  };
}

/** What is kept of a ServiceImport. */
export function keepServiceImport(object: Record<string, unknown>): ServiceImportObject {
  const { spec, status } = Import.parse(object);
  return {
    meta: metaOf(object),
    spec,
    clusters: status.clusters.map(({ cluster }) => cluster),
    conditions: status.conditions,
  };
}
