/** The subresource `scale` of workloads. */
import { at, isObject, type Json, type JsonObject, objectIn } from "./json.ts";
import type { KubeObject } from "./object.ts";
import { applyMergePatch } from "./patch/patches.ts";

export function scaleOf(object: KubeObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = Object.entries(objectIn(at(object.spec, "selector", "matchLabels")));
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object.spec, "replicas") ?? 0 },
    status: {
      replicas: at(object.status, "replicas") ?? 0,
      selector: labels.map(([key, value]) => `${key}=${value}`).join(","),
    },
  };
}

/** The patch of a workload that a new or patched Scale means. */
export function patchOfScale(object: KubeObject, body: Json, isPatch: boolean): JsonObject {
  const scale = isPatch ? applyMergePatch(scaleOf(object), body) : body;
  const { spec, metadata } = isObject(scale) ? scale : {};
  const resourceVersion = at(metadata, "resourceVersion");
  return {
    ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
    spec: { replicas: at(spec, "replicas") },
  };
}
