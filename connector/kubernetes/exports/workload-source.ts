/** A Deployment, StatefulSet or DaemonSet as a source: the ports of its containers, and its ready pods. */
import type { PodObject, WorkloadObject } from "../cluster/cluster.ts";
import type { Source, SourcePort } from "./source.ts";

export function workloadSource(workload: WorkloadObject, pods: Iterable<PodObject>): Source {
  const { meta, kind } = workload;
  const ready = [...pods]
    .filter((pod) => pod.ready)
    .sort((left, right) => (left.meta.name < right.meta.name ? -1 : 1));
  return {
    about: { kind, namespace: meta.namespace, name: meta.name, uid: meta.uid },
    meta,
    ports: declaredPorts(workload),
    hasOtherPorts: true,
    isHeadless: false,
    isReady: ready.length > 0,
    backends: ({ targetPort, port }) =>
      ready.flatMap(({ meta: { name }, addresses: [host], hostname }) =>
        host === undefined
          ? []
          : [{ host, port: typeof targetPort === "number" ? targetPort : port, pod: name, hostname }],
      ),
  };
}

/** The ports of all containers, each once. */
function declaredPorts({ containerPorts }: WorkloadObject): readonly SourcePort[] {
  const ports = new Map<string, SourcePort>();
  for (const { name, protocol, port } of containerPorts) {
    const key = `${port} ${protocol}`;
    if (ports.has(key)) continue;
    ports.set(key, { name, port, targetPort: port, protocol, appProtocol: undefined });
  }
  return [...ports.values()];
}
