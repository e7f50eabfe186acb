/**
 * What is to be done about one Service and its EndpointSlices. The decisions need only what is there now, so that each
 * can be made again at any time.
 */
import type { EndpointSliceObject, ServiceObject } from "../cluster/cluster.ts";
import { IMPORT_LABEL, isOwn, ownLabels, SERVICE_ANNOTATION } from "../cluster/names.ts";
import type { DesiredPort, DesiredService } from "./desired-services.ts";
import {
  type AddressType,
  addressTypeOf,
  type DesiredSlice,
  type Ownership,
  type SliceAddress,
  sliceLabels,
  sliceName,
} from "./service-object.ts";

/** A service whose ports all have listener ports. */
export type ReadyService = DesiredService & { readonly ports: readonly DesiredPort[] };

export type ServiceAction =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly desired: ReadyService }
  | { readonly kind: "update"; readonly desired: ReadyService; readonly existing: ServiceObject }
  /** @field isFinal false if another Service follows, which can only be made anew. */
  | { readonly kind: "delete"; readonly existing: ServiceObject; readonly isFinal: boolean }
  /** A Service of somebody else has the name. */
  | { readonly kind: "taken"; readonly existing: ServiceObject };

const NONE: ServiceAction = { kind: "none" };

/**
 * Decides about one Service.
 * @param isGone whether the registry said that the service is not to be here; false while that is only not known
 */
export function planService(
  desired: DesiredService | undefined,
  existing: ServiceObject | undefined,
  { isGone, ...ownership }: Ownership & { readonly isGone: boolean },
): ServiceAction {
  if (desired === undefined) {
    const isOrphan = existing !== undefined && isImport(existing, ownership.siteId);
    return isOrphan && isGone ? { kind: "delete", existing, isFinal: true } : NONE;
  }
  if (existing !== undefined && !isOwn(existing.meta.labels, ownership.siteId)) {
    return { kind: "taken", existing };
  }
  if (!isReady(desired) || existing?.meta.deletionTimestamp !== undefined) return NONE;
  if (existing === undefined) return { kind: "create", desired };
  if (isHeadless(existing) !== (desired.form === "headless")) {
    return { kind: "delete", existing, isFinal: false };
  }
  return isAsDesired(desired, existing, ownership) ? NONE : { kind: "update", desired, existing };
}

/** Whether a Service was made for a service of the network, by name. A connector makes others, as for ServiceImports. */
export const isImport = ({ meta }: ServiceObject, siteId: string): boolean =>
  isOwn(meta.labels, siteId) &&
  meta.annotations[SERVICE_ANNOTATION] !== undefined &&
  meta.labels[IMPORT_LABEL] === undefined;

const isReady = (desired: DesiredService): desired is ReadyService => desired.ports !== null;

const isHeadless = ({ clusterIP }: ServiceObject): boolean => clusterIP === "None";

function isAsDesired(desired: ReadyService, existing: ServiceObject, { siteId, selector }: Ownership) {
  const { meta, type, ports } = existing;
  return (
    type === "ClusterIP" &&
    hasAll(meta.labels, ownLabels(siteId)) &&
    meta.annotations[SERVICE_ANNOTATION] === desired.name &&
    sameMap(existing.selector ?? {}, desired.form === "selector" ? selector : {}) &&
    ports.length === desired.ports.length &&
    desired.ports.every(
      (port, at) =>
        samePort(port, ports[at]) &&
        ports[at]?.port === port.port &&
        ports[at]?.targetPort === port.targetPort,
    )
  );
}

const samePort = (
  desired: DesiredPort,
  port:
    | {
        readonly name: string | undefined;
        readonly protocol: string;
        readonly appProtocol?: string | undefined;
      }
    | undefined,
) => port?.name === desired.name && port.protocol === desired.protocol;

const hasAll = (map: Readonly<Record<string, string>>, part: Readonly<Record<string, string>>) =>
  Object.entries(part).every(([key, value]) => map[key] === value);

const sameMap = (left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>) =>
  Object.keys(left).length === Object.keys(right).length && hasAll(left, right);

export type SliceAction =
  | { readonly kind: "create"; readonly desired: DesiredSlice }
  | { readonly kind: "update"; readonly desired: DesiredSlice; readonly existing: EndpointSliceObject }
  | { readonly kind: "delete"; readonly existing: EndpointSliceObject }
  | { readonly kind: "taken"; readonly existing: EndpointSliceObject };

export interface SliceFacts {
  readonly desired: DesiredService | undefined;
  /** The Service, if it is there and ours. */
  readonly service: ServiceObject | undefined;
  /** The slices with the names that the Service's slices have. */
  readonly existing: Readonly<Record<AddressType, EndpointSliceObject | undefined>>;
  /** Null while it is not known which connectors take connections: slices stay as they are. */
  readonly addresses: readonly SliceAddress[] | null;
  readonly siteId: string;
}

const TYPES = ["IPv4", "IPv6"] as const satisfies AddressType[];

/** Decides about the slices of one Service. A slice without addresses stays: it is about to have some. */
export function planSlices({ desired, service, existing, addresses, siteId }: SliceFacts): SliceAction[] {
  const isOurs = (slice: EndpointSliceObject) => isOwn(slice.meta.labels, siteId);
  if (service === undefined || desired === undefined || desired.form === "selector") {
    // The slices of a Service that is there without being desired stay with it.
    const isLeft = service === undefined || desired?.form === "selector";
    return TYPES.flatMap((type): SliceAction[] => {
      const slice = existing[type];
      return isLeft && slice !== undefined && isOurs(slice) ? [{ kind: "delete", existing: slice }] : [];
    });
  }
  if (!isReady(desired) || addresses === null) return [];
  const { ports, namespace, name } = desired;
  const byType = Map.groupBy(addresses, ({ address }) => addressTypeOf(address));
  return TYPES.flatMap((type): SliceAction[] => {
    const slice = existing[type];
    const there = byType.get(type) ?? [];
    if (slice !== undefined && !isOurs(slice)) {
      return there.length > 0 ? [{ kind: "taken", existing: slice }] : [];
    }
    const wanted: DesiredSlice = {
      ...{ namespace, ports, name: sliceName(name, type), addressType: type, addresses: there },
      service: { name, uid: service.meta.uid },
    };
    if (slice === undefined) return there.length > 0 ? [{ kind: "create", desired: wanted }] : [];
    return isSliceAsDesired(wanted, slice, siteId)
      ? []
      : [{ kind: "update", desired: wanted, existing: slice }];
  });
}

function isSliceAsDesired(
  desired: DesiredSlice,
  { meta, ports, endpoints }: EndpointSliceObject,
  siteId: string,
) {
  const { addresses } = desired;
  return (
    hasAll(meta.labels, sliceLabels(desired.service.name, siteId)) &&
    ports.length === desired.ports.length &&
    desired.ports.every((port, at) => samePort(port, ports[at]) && ports[at]?.port === port.targetPort) &&
    endpoints.length === addresses.length &&
    addresses.every(({ address, hostname }, at) => {
      const endpoint = endpoints[at];
      return (
        endpoint?.ready === true &&
        endpoint.addresses.length === 1 &&
        endpoint.addresses[0] === address &&
        endpoint.hostname === hostname
      );
    })
  );
}
