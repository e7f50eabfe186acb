/** Objects of a cluster, as views have them. */
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import type {
  Endpoint,
  EndpointSliceObject,
  Meta,
  PodObject,
  ServiceObject,
  ServicePortObject,
  WorkloadObject,
} from "../../../../../connector/kubernetes/cluster/cluster.ts";

export const meta = (name: string, more: Partial<Meta> = {}): Meta => ({
  ...{ name, namespace: "shop", uid: `uid-${name}`, resourceVersion: "1", generation: 1 },
  ...{ creationTimestamp: "2026-11-26T10:00:00Z", deletionTimestamp: undefined },
  ...{ labels: {}, annotations: {} },
  ...more,
});

export const servicePort = (port: number, more: Partial<ServicePortObject> = {}): ServicePortObject => ({
  ...{ name: undefined, protocol: "TCP", appProtocol: undefined },
  ...{ port, targetPort: port, nodePort: undefined },
  ...more,
});

export const service = (
  of: Meta,
  ports: readonly ServicePortObject[] = [servicePort(80, { targetPort: 8080 })],
  more: Partial<ServiceObject> = {},
): ServiceObject => ({
  ...{ meta: of, type: "ClusterIP", clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], ports },
  ...{ selector: { app: of.name }, sessionAffinity: "None", sessionAffinityTimeout: undefined },
  ...{ ipFamilies: ["IPv4"], internalTrafficPolicy: "Cluster", trafficDistribution: undefined },
  ...more,
});

export const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  ...{ addresses: [address], ready: true, serving: true, terminating: false },
  ...{ hostname: undefined, pod: `pod-${address.split(/[.:]/).at(-1)}` },
  ...more,
});

export const slice = (
  of: string,
  endpoints: readonly Endpoint[],
  more: Partial<EndpointSliceObject> = {},
): EndpointSliceObject => ({
  ...{ meta: meta(`${of}-abcde`), service: of, addressType: "IPv4", endpoints },
  ports: [{ name: "", protocol: "TCP", port: 8080 }],
  ...more,
});

export const deployment = (
  of: Meta,
  containerPorts: WorkloadObject["containerPorts"] = [{ name: "web", protocol: "TCP", port: 8080 }],
): WorkloadObject => ({ meta: of, kind: KINDS.deployments, selector: `app=${of.name}`, containerPorts });

export const pod = (name: string, address: string, more: Partial<PodObject> = {}): PodObject => ({
  ...{ meta: meta(name), ready: true, addresses: [address], hostname: undefined },
  ...more,
});
