/** Objects of a cluster, as views have them. */
import type {
  EndpointSliceObject,
  Meta,
  PodObject,
  ServiceObject,
} from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { ownLabels, SERVICE_ANNOTATION } from "../../../../../connector/kubernetes/cluster/names.ts";
import type { VisibleOffer, VisibleService } from "../../../../../protocol/uplink/messages.ts";

export const SITE = "site_own";

export const metaOf = (namespace: string, name: string, more: Partial<Meta> = {}): Meta => ({
  ...{ namespace, name, uid: `uid-${name}`, resourceVersion: "1", generation: undefined },
  ...{ creationTimestamp: "2026-11-26T12:00:00Z", deletionTimestamp: undefined, labels: {}, annotations: {} },
  ...more,
});

/** The metadata of an object that a connector made for a service. */
export const ownMeta = (namespace: string, name: string, service = name): Meta =>
  metaOf(namespace, name, { labels: ownLabels(SITE), annotations: { [SERVICE_ANNOTATION]: service } });

export const serviceOf = (meta: Meta, more: Partial<ServiceObject> = {}): ServiceObject => ({
  ...{ meta, type: "ClusterIP", clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], ports: [] },
  ...{
    selector: undefined,
    sessionAffinity: "None",
    sessionAffinityTimeout: undefined,
    ipFamilies: ["IPv4"],
  },
  ...{ internalTrafficPolicy: "Cluster", trafficDistribution: undefined },
  ...more,
});

export const sliceOf = (
  meta: Meta,
  service: string,
  port: { readonly name: string; readonly port: number },
  addresses: readonly string[],
): EndpointSliceObject => ({
  ...{ meta, service, addressType: "IPv4", ports: [{ ...port, protocol: "TCP" }] },
  endpoints: addresses.map((address) => ({
    ...{ addresses: [address], ready: true, serving: true, terminating: false },
    ...{ hostname: undefined, pod: undefined },
  })),
});

export const podOf = (name: string, address: string, ready = true, more: Partial<Meta> = {}): PodObject => ({
  ...{ meta: metaOf("fairlead", name, more), ready, addresses: [address], hostname: undefined },
});

export const offerOf = (more: Partial<VisibleOffer> = {}): VisibleOffer => ({
  ...{ site: "site_east", siteName: "east", boot: "boot_1" },
  ...more,
});

export const visible = (name: string, port = 80, more: Partial<VisibleService> = {}): VisibleService => ({
  ...{ name, port, protocol: "http", offers: [offerOf()] },
  ...more,
});
