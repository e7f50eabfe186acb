/** A Service as a source: its ports, and the ready endpoints of its EndpointSlices. Its ClusterIP is never dialled. */
import { KINDS } from "../api/kinds.ts";
import type { Endpoint, EndpointSliceObject, ServiceObject, ServicePortObject } from "../cluster/cluster.ts";
import { MANAGED_BY_LABEL, MANAGER } from "../cluster/names.ts";
import type { Backend, Source, SourcePort } from "./source.ts";
import { Unexposable } from "./warning.ts";

/**
 * @param slices of this Service
 * @throws Unexposable for a Service that cannot be exposed at all
 */
export function serviceSource(service: ServiceObject, slices: readonly EndpointSliceObject[]): Source {
  const { meta, type, clusterIP } = service;
  if (type === "ExternalName") {
    throw new Unexposable(
      "UnsupportedService",
      "A Service of type ExternalName has no endpoints, and whoever may write it could lead the connector to any host. Expose the host by the connector's configuration, or make an EndpointSlice for a Service without a selector.",
    );
  }
  const usable = usableSlices(service, slices);
  return {
    about: { kind: KINDS.services, namespace: meta.namespace, name: meta.name, uid: meta.uid },
    meta,
    ports: service.ports.map(sourcePort),
    hasOtherPorts: false,
    isHeadless: clusterIP === "None",
    isReady: usable.some(({ endpoints }) => endpoints.length > 0),
    backends: (port) => backendsOf(usable, port),
  };
}

const sourcePort = (port: ServicePortObject): SourcePort => ({
  name: port.name === "" ? undefined : port.name,
  port: port.port,
  targetPort: port.targetPort ?? port.port,
  protocol: port.protocol,
  appProtocol: port.appProtocol,
});

type UsableSlice = Pick<EndpointSliceObject, "ports" | "endpoints">;

/**
 * The slices with the endpoints that take connections: the ready ones, or where none is ready those that are terminating
 * and still serve, as kube-proxy has it. A pod has an address in each family: the Service's first family that has
 * endpoints is used. Slices that a connector made are left out, since they lead back into the network.
 */
function usableSlices(
  service: ServiceObject,
  slices: readonly EndpointSliceObject[],
): readonly UsableSlice[] {
  const foreign = slices
    .filter(({ meta }) => meta.labels[MANAGED_BY_LABEL] !== MANAGER)
    .sort((left, right) => (left.meta.name < right.meta.name ? -1 : 1));
  const isServing = ({ serving, terminating }: Endpoint) => serving && terminating;
  for (const takes of [({ ready }: Endpoint) => ready, isServing]) {
    for (const family of new Set([...service.ipFamilies, "IPv4", "IPv6", "FQDN"])) {
      const usable = foreign
        .filter(({ addressType }) => addressType === family)
        .map(({ ports, endpoints }) => ({ ports, endpoints: endpoints.filter(takes) }))
        .filter(({ endpoints }) => endpoints.length > 0);
      if (usable.length > 0) return usable;
    }
  }
  return [];
}

function backendsOf(
  slices: readonly UsableSlice[],
  { name = "", ...wanted }: SourcePort,
): readonly Backend[] {
  const found = new Map<string, Backend>();
  for (const { ports, endpoints } of slices) {
    const port = ports.find((each) => each.name === name && each.protocol === wanted.protocol);
    if (port === undefined) continue;
    // A port without a number stands for all ports.
    const number = port.port ?? (typeof wanted.targetPort === "number" ? wanted.targetPort : wanted.port);
    for (const { addresses, pod, hostname } of endpoints) {
      // Every address of an endpoint leads to the same pod.
      const [host] = addresses;
      if (host !== undefined) found.set(`${host} ${number}`, { host, port: number, pod, hostname });
    }
  }
  return [...found.values()];
}
