/** The Services and EndpointSlices of the network's services, as they are written. */
import { isIPv6 } from "node:net";
import { apiVersionOf, KINDS } from "../api/kinds.ts";
import type { Meta, Writable } from "../cluster/cluster.ts";
import { MANAGER, ownLabels, SERVICE_ANNOTATION } from "../cluster/names.ts";
import type { DesiredPort, DesiredService } from "./desired-services.ts";

/** Whose objects they are. */
export interface Ownership {
  readonly siteId: string;
  /** The labels of the connectors' pods. */
  readonly selector: Readonly<Record<string, string>>;
}

/** An address in a slice. */
export interface SliceAddress {
  readonly address: string;
  /** The name in DNS. */
  readonly hostname?: string | undefined;
  /** The connector's pod. */
  readonly pod?: Pick<Meta, "name" | "namespace" | "uid"> | undefined;
}

export type AddressType = "IPv4" | "IPv6";

/** An EndpointSlice as it is to be. */
export interface DesiredSlice {
  readonly namespace: string;
  readonly name: string;
  /** The Service, which owns the slice. */
  readonly service: Pick<Meta, "name" | "uid">;
  readonly addressType: AddressType;
  readonly ports: readonly DesiredPort[];
  readonly addresses: readonly SliceAddress[];
}

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
export const SLICE_MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by";

/** The name of the slice of a Service. */
export const sliceName = (service: string, type: AddressType): string =>
  `${service}-${MANAGER}-${type.toLowerCase()}`;

export const addressTypeOf = (address: string): AddressType => (isIPv6(address) ? "IPv6" : "IPv4");

type Fields = Readonly<Record<string, unknown>>;

/**
 * A Service as it is to be. Of a Service that exists, everything stays that a connector does not own: addresses, and
 * what others have added.
 */
export function serviceObject(
  { namespace, name, form, ports }: DesiredService & { readonly ports: readonly DesiredPort[] },
  { siteId, selector }: Ownership,
  before: Fields = {},
): Writable {
  const { externalName: _, selector: __, ...kept } = fieldsOf(before.spec);
  return {
    ...before,
    apiVersion: apiVersionOf(KINDS.services),
    kind: KINDS.services.kind,
    metadata: {
      ...metadataOf(before, ownLabels(siteId), { [SERVICE_ANNOTATION]: name }),
      ...{ name, namespace },
    },
    spec: {
      ...kept,
      type: "ClusterIP",
      ...(form === "headless" ? { clusterIP: "None" } : {}),
      ...(form === "selector" ? { selector } : {}),
      ports: ports.map(({ name: port, ...rest }) => ({ name: port, ...rest })),
    },
  };
}

/** The labels of a slice. */
export const sliceLabels = (service: string, siteId: string): Readonly<Record<string, string>> => ({
  ...ownLabels(siteId),
  [SERVICE_NAME_LABEL]: service,
  [SLICE_MANAGER_LABEL]: MANAGER,
});

/** An EndpointSlice as it is to be. */
export function sliceObject(slice: DesiredSlice, { siteId }: Ownership, before: Fields = {}): Writable {
  const { namespace, name, service, addressType, ports, addresses } = slice;
  return {
    ...before,
    apiVersion: apiVersionOf(KINDS.endpointSlices),
    kind: KINDS.endpointSlices.kind,
    metadata: {
      ...metadataOf(before, sliceLabels(service.name, siteId)),
      ...{ name, namespace },
      ownerReferences: [{ apiVersion: "v1", kind: "Service", name: service.name, uid: service.uid }],
    },
    addressType,
    ports: ports.map(({ name: port, protocol, appProtocol, targetPort }) => ({
      ...{ name: port, protocol, appProtocol, port: targetPort },
    })),
    endpoints: addresses.map(({ address, hostname, pod }) => ({
      addresses: [address],
      conditions: { ready: true },
      ...(hostname === undefined ? {} : { hostname }),
      ...(pod === undefined ? {} : { targetRef: { kind: "Pod", ...podReference(pod) } }),
    })),
  };
}

const podReference = ({ name, namespace, uid }: Pick<Meta, "name" | "namespace" | "uid">) => ({
  ...{ name, namespace, uid },
});

function metadataOf(before: Fields, labels: Fields, annotations: Fields = {}): Fields {
  const metadata = fieldsOf(before.metadata);
  return {
    ...metadata,
    labels: { ...fieldsOf(metadata.labels), ...labels },
    annotations: { ...fieldsOf(metadata.annotations), ...annotations },
  };
}

/** The fields of an object; none of anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
