/** The fields that views keep of objects. Everything else is left out: a cluster has thousands of them. */
import * as z from "zod";
import type { Kind } from "../api/kinds.ts";
import type { EndpointSliceObject, Meta, PodObject, ServiceObject, WorkloadObject } from "./cluster.ts";
import { type LabelSelector, selectorText } from "./label-selector.ts";

/** What `kubectl apply` stores of a whole object, which is as large as the object. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const text = z.string().nullish();
const texts = z.record(z.string(), z.string()).nullish();

const Metadata = z.object({
  name: z.string(),
  namespace: text,
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().nullish(),
  creationTimestamp: z.string(),
  deletionTimestamp: text,
  labels: texts,
  annotations: texts,
});

const Any = z.looseObject({ metadata: Metadata });

/** The part of an object's metadata that is kept. */
export const metaOf = (object: Record<string, unknown>): Meta => keptMeta(Any.parse(object).metadata);

function keptMeta(metadata: z.infer<typeof Metadata>): Meta {
  const { [LAST_APPLIED]: _, ...annotations } = metadata.annotations ?? {};
  const { name, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    ...{ name, uid, resourceVersion, creationTimestamp, annotations },
    namespace: metadata.namespace ?? "",
    generation: metadata.generation ?? undefined,
    deletionTimestamp: metadata.deletionTimestamp ?? undefined,
    labels: metadata.labels ?? {},
  };
}

const Service = z.object({
  metadata: Metadata,
  spec: z.object({
    type: text,
    clusterIP: text,
    clusterIPs: z.array(z.string()).nullish(),
    ports: z
      .array(
        z.object({
          name: text,
          protocol: text,
          appProtocol: text,
          port: z.number(),
          targetPort: z.union([z.number(), z.string()]).nullish(),
          nodePort: z.number().nullish(),
        }),
      )
      .nullish(),
    selector: texts,
    sessionAffinity: text,
    sessionAffinityConfig: z
      .object({ clientIP: z.object({ timeoutSeconds: z.number().nullish() }).nullish() })
      .nullish(),
    ipFamilies: z.array(z.string()).nullish(),
    internalTrafficPolicy: text,
    trafficDistribution: text,
    externalName: text,
  }),
});

export function keepService(object: Record<string, unknown>): ServiceObject {
  const { metadata, spec } = Service.parse(object);
  return {
    meta: keptMeta(metadata),
    type: spec.type ?? "ClusterIP",
    clusterIP: spec.clusterIP ?? "",
    clusterIPs: spec.clusterIPs ?? [],
    ports: (spec.ports ?? []).map(({ name, protocol, appProtocol, port, targetPort, nodePort }) => ({
      name: name ?? undefined,
      protocol: protocol ?? "TCP",
      appProtocol: appProtocol ?? undefined,
      port,
      targetPort: targetPort ?? undefined,
      nodePort: nodePort ?? undefined,
    })),
    selector: spec.selector ?? undefined,
    sessionAffinity: spec.sessionAffinity ?? "None",
    sessionAffinityTimeout: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? undefined,
    ipFamilies: spec.ipFamilies ?? [],
    internalTrafficPolicy: spec.internalTrafficPolicy ?? undefined,
    trafficDistribution: spec.trafficDistribution ?? undefined,
    externalName: spec.externalName ?? undefined,
  };
}

const EndpointSlice = z.object({
  metadata: Metadata,
  addressType: z.string(),
  ports: z.array(z.object({ name: text, protocol: text, port: z.number().nullish() })).nullish(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()).nullish(),
        conditions: z
          .object({
            ready: z.boolean().nullish(),
            serving: z.boolean().nullish(),
            terminating: z.boolean().nullish(),
          })
          .nullish(),
        hostname: text,
        targetRef: z.object({ kind: text, name: text }).nullish(),
      }),
    )
    .nullish(),
});

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

export function keepEndpointSlice(object: Record<string, unknown>): EndpointSliceObject {
  const { metadata, addressType, ports, endpoints } = EndpointSlice.parse(object);
  return {
    meta: keptMeta(metadata),
    service: metadata.labels?.[SERVICE_NAME_LABEL],
    addressType,
    ports: (ports ?? []).map(({ name, protocol, port }) => ({
      name: name ?? "",
      protocol: protocol ?? "TCP",
      port: port ?? undefined,
    })),
    endpoints: (endpoints ?? []).map(({ addresses, conditions, hostname, targetRef }) => {
      const ready = conditions?.ready ?? true;
      return {
        addresses: addresses ?? [],
        ready,
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
        hostname: hostname ?? undefined,
        pod: targetRef?.kind === "Pod" ? (targetRef.name ?? undefined) : undefined,
      };
    }),
  };
}

const Selector: z.ZodType<LabelSelector> = z.object({
  matchLabels: texts,
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
    .nullish(),
});

const Workload = z.object({
  metadata: Metadata,
  spec: z.object({
    selector: Selector,
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            ports: z.array(z.object({ name: text, protocol: text, containerPort: z.number() })).nullish(),
          }),
        ),
      }),
    }),
  }),
});

export const keepWorkload =
  (kind: Kind) =>
  (object: Record<string, unknown>): WorkloadObject => {
    const { metadata, spec } = Workload.parse(object);
    return {
      meta: keptMeta(metadata),
      kind,
      selector: selectorText(spec.selector),
      containerPorts: spec.template.spec.containers.flatMap(({ ports }) =>
        (ports ?? []).map(({ name, protocol, containerPort }) => ({
          name: name ?? undefined,
          protocol: protocol ?? "TCP",
          port: containerPort,
        })),
      ),
    };
  };

const Pod = z.object({
  metadata: Metadata,
  spec: z.object({ hostname: text }),
  status: z
    .object({
      podIP: text,
      podIPs: z.array(z.object({ ip: z.string() })).nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
});

/** Annotations of pods are left out: plug-ins of the network write long ones. */
export function keepPod(object: Record<string, unknown>): PodObject {
  const { metadata, spec, status } = Pod.parse(object);
  const { podIP, podIPs, conditions } = status ?? {};
  const isReady = conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
  const addresses = podIPs?.map(({ ip }) => ip) ?? [];
  return {
    meta: { ...keptMeta(metadata), annotations: {} },
    ready: isReady && (metadata.deletionTimestamp ?? undefined) === undefined,
    addresses: addresses.length === 0 && podIP ? [podIP] : addresses,
    hostname: spec.hostname ?? undefined,
  };
}
