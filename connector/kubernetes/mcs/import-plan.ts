/**
 * What to write for an imported service: the difference between the objects that are wanted and those that are there. It
 * is planned anew after each change, so that a plan holds only what can be done now.
 */
import { isDeepStrictEqual } from "node:util";
import type { Kind } from "../api/kinds.ts";
import { KINDS } from "../api/kinds.ts";
import type { EndpointSliceObject, Meta, ServiceObject, Writable } from "../cluster/cluster.ts";
import { isOwn, ownLabels, SERVICE_ANNOTATION } from "../cluster/names.ts";
import { nextConditions } from "./conditions.ts";
import {
  type Access,
  derivedServiceName,
  type ImportedService,
  importCondition,
  importSpec,
  type WantedService,
  type WantedSlice,
  wantedServices,
  wantedSlices,
} from "./import-objects.ts";
import { networkName } from "./network-name.ts";
import type { ServiceImportObject } from "./objects.ts";

/** A write. */
export type Action =
  | { readonly do: "create"; readonly kind: Kind; readonly object: Writable }
  /** Replaces fields of the object as it was read; `undefined` removes a field. */
  | {
      readonly do: "update" | "update-status";
      readonly kind: Kind;
      readonly meta: Meta;
      readonly fields: Fields;
    }
  | { readonly do: "delete"; readonly kind: Kind; readonly meta: Meta };

/** Fields of an object by its parts `metadata`, `spec` and others. */
export type Fields = Readonly<Record<string, unknown>>;

/** The objects that are there. */
export interface ImportState {
  /** The ServiceImport of the name, whoever made it. */
  readonly serviceImport: ServiceImportObject | undefined;
  /** Services and slices that a connector of this site made for it. */
  readonly services: readonly ServiceObject[];
  readonly slices: readonly EndpointSliceObject[];
}

export interface PlanContext {
  readonly siteId: string;
  /** Kind of a ServiceImport, in the version that the server has. */
  readonly importKind: Kind;
  /** RFC 3339, to the second. */
  readonly now: string;
}

/** What to write, or whose object is in the way. */
export interface ImportPlan {
  readonly actions: readonly Action[];
  /** Set if somebody else made the ServiceImport: then nothing is written. */
  readonly foreign: ServiceImportObject | null;
}

const nothing: ImportPlan = { actions: [], foreign: null };

/** Plans the writes for a service. @param imported null if no cluster exports the service */
export function planImport(
  imported: ImportedService | null,
  state: ImportState,
  access: Access,
  context: PlanContext,
): ImportPlan {
  const { serviceImport } = state;
  const isForeign = serviceImport !== undefined && !isOwn(serviceImport.meta.labels, context.siteId);
  if (imported === null) return { actions: planRemoval(state, isForeign, context), foreign: null };
  if (isForeign) return { actions: [], foreign: serviceImport };
  if (serviceImport === undefined) return { actions: [createImport(imported, context)], foreign: null };
  if (serviceImport.meta.deletionTimestamp !== undefined) return nothing;
  const wanted = wantedServices(imported);
  const addressOf = (name: string) => clusterIPs(state.services.find(({ meta }) => meta.name === name))[0];
  const owner = { owner: serviceImport, context };
  return {
    actions: [
      ...planServices(wanted, state.services, owner),
      ...planSlices(wantedSlices(imported, access, addressOf), state.slices, owner),
      ...planServiceImport(imported, state, serviceImport, context),
    ],
    foreign: null,
  };
}

interface Owner {
  readonly owner: ServiceImportObject;
  readonly context: PlanContext;
}

/** Objects with an owner would go by themselves; the garbage collector may take its time. */
function planRemoval(
  { serviceImport, services, slices }: ImportState,
  isForeign: boolean,
  { importKind }: PlanContext,
): Action[] {
  return [
    ...(serviceImport === undefined || isForeign ? [] : removal(importKind, [serviceImport])),
    ...removal(KINDS.services, services),
    ...removal(KINDS.endpointSlices, slices),
  ];
}

const removal = (kind: Kind, objects: readonly { readonly meta: Meta }[]): Action[] =>
  objects
    .filter(({ meta }) => meta.deletionTimestamp === undefined)
    .map(({ meta }) => ({ do: "delete", kind, meta }));

function createImport(imported: ImportedService, { importKind, siteId }: PlanContext): Action {
  const { namespace, name, merged } = imported;
  const metadata = { name, namespace, ...importMetadata(imported, siteId) };
  return { do: "create", kind: importKind, object: { metadata, spec: importSpec(merged, []) } };
}

function planServiceImport(
  imported: ImportedService,
  { services }: ImportState,
  { meta, spec, clusters, conditions }: ServiceImportObject,
  { importKind, siteId, now }: PlanContext,
): Action[] {
  const { merged, name } = imported;
  const ips = clusterIPs(services.find((service) => service.meta.name === derivedServiceName(name)));
  const wanted = importSpec(merged, ips);
  const metadata = importMetadata(imported, siteId);
  const isSame =
    isEqual(spec, wanted) &&
    isEqual(meta.labels, metadata.labels) &&
    isEqual(meta.annotations, metadata.annotations);
  if (!isSame) {
    // Fields of the spec that are not wanted are removed by name.
    const fields = Object.fromEntries(Object.keys(spec).map((field) => [field, undefined]));
    return [{ do: "update", kind: importKind, meta, fields: { metadata, spec: { ...fields, ...wanted } } }];
  }
  const options = { ours: ["Ready"], generation: meta.generation, now };
  const next = nextConditions(conditions, [importCondition(merged, ips)], options);
  if (next === null && isEqual(clusters, merged.clusters)) return [];
  const status = {
    conditions: next ?? conditions,
    clusters: merged.clusters.map((cluster) => ({ cluster })),
  };
  return [{ do: "update-status", kind: importKind, meta, fields: { status } }];
}

/** A ServiceImport has the labels and annotations of the export, and no others. */
function importMetadata({ namespace, name, merged }: ImportedService, siteId: string) {
  const { labels = {}, annotations = {} } = merged.details;
  return {
    labels: { ...labels, ...ownLabels(siteId) },
    annotations: { ...annotations, [SERVICE_ANNOTATION]: networkName(namespace, name) },
  };
}

function planServices(
  wanted: readonly WantedService[],
  there: readonly ServiceObject[],
  owner: Owner,
): Action[] {
  const byName = new Map(there.map((service) => [service.meta.name, service]));
  const changes = wanted.flatMap((service): Action[] => {
    const found = byName.get(service.name);
    const { metadata, spec } = serviceObject(service, owner);
    if (found === undefined) return [{ do: "create", kind: KINDS.services, object: { metadata, spec } }];
    if (isSameService(found, service, owner.context.siteId)) return [];
    const labels = { ...found.meta.labels, ...metadata.labels };
    const annotations = { ...found.meta.annotations, ...metadata.annotations };
    return [
      {
        do: "update",
        kind: KINDS.services,
        meta: found.meta,
        fields: { metadata: { labels, annotations }, spec },
      },
    ];
  });
  return [...changes, ...removal(KINDS.services, unwanted(wanted, there))];
}

const unwanted = <T extends { readonly meta: Meta }>(
  wanted: readonly { readonly name: string }[],
  there: readonly T[],
): T[] => there.filter(({ meta }) => !wanted.some(({ name }) => name === meta.name));

function serviceObject(
  { name, labels, annotations, ports, sessionAffinity, sessionAffinityTimeout }: WantedService,
  { owner, context }: Owner,
) {
  return {
    metadata: {
      ...metadataOf(name, owner, context),
      labels: { ...labels, ...ownLabels(context.siteId) },
      annotations,
    },
    spec: {
      type: "ClusterIP",
      selector: undefined,
      ports: ports.map((port) => ({ ...port, targetPort: port.port })),
      sessionAffinity,
      sessionAffinityConfig:
        sessionAffinity === "ClientIP" ? { clientIP: { timeoutSeconds: sessionAffinityTimeout } } : undefined,
    },
  };
}

function isSameService(found: ServiceObject, wanted: WantedService, siteId: string): boolean {
  const portsOf = (ports: WantedService["ports"] | ServiceObject["ports"]) =>
    ports.map(({ name, protocol, appProtocol, port }) => [name ?? "", protocol, appProtocol ?? "", port]);
  return (
    found.type === "ClusterIP" &&
    found.selector === undefined &&
    found.sessionAffinity === wanted.sessionAffinity &&
    found.sessionAffinityTimeout === wanted.sessionAffinityTimeout &&
    isEqual(portsOf(found.ports), portsOf(wanted.ports)) &&
    includes(found.meta.labels, { ...wanted.labels, ...ownLabels(siteId) }) &&
    includes(found.meta.annotations, wanted.annotations)
  );
}

function planSlices(
  wanted: readonly WantedSlice[],
  there: readonly EndpointSliceObject[],
  { owner, context }: Owner,
): Action[] {
  const byName = new Map(there.map((slice) => [slice.meta.name, slice]));
  const changes = wanted.flatMap((slice): Action[] => {
    const { name, addressType, ports } = slice;
    const labels = { ...slice.labels, ...ownLabels(context.siteId) };
    const endpoints = slice.endpoints.map(({ addresses, hostname, ...conditions }) => ({
      ...{ addresses, conditions },
      ...(hostname === undefined ? {} : { hostname }),
    }));
    const found = byName.get(name);
    if (found === undefined) {
      const metadata = { ...metadataOf(name, owner, context), labels };
      return [
        { do: "create", kind: KINDS.endpointSlices, object: { metadata, addressType, ports, endpoints } },
      ];
    }
    if (found.addressType !== addressType) return removal(KINDS.endpointSlices, [found]);
    if (includes(found.meta.labels, labels) && isEqual(contentOf(found), contentOf(slice))) return [];
    const fields = { metadata: { labels: { ...found.meta.labels, ...labels } }, ports, endpoints };
    return [{ do: "update", kind: KINDS.endpointSlices, meta: found.meta, fields }];
  });
  return [...changes, ...removal(KINDS.endpointSlices, unwanted(wanted, there))];
}

/** What a slice says, but for its labels. */
const contentOf = ({ ports, endpoints }: WantedSlice | EndpointSliceObject) => ({
  ports: ports.map(({ name, protocol, port }) => ({ name, protocol, port })),
  endpoints: endpoints.map(({ addresses, ready, serving, terminating, hostname }) => ({
    ...{ addresses, ready, serving, terminating, hostname },
  })),
});

const metadataOf = (name: string, { meta }: ServiceImportObject, { importKind }: PlanContext) => ({
  ...{ name, namespace: meta.namespace },
  ownerReferences: [
    {
      apiVersion: `${importKind.group}/${importKind.version}`,
      ...{ kind: importKind.kind, name: meta.name, uid: meta.uid },
    },
  ],
});

const clusterIPs = (service: ServiceObject | undefined): readonly string[] =>
  (service?.clusterIPs ?? []).filter((address) => address !== "" && address !== "None");

/** Whether two values are equal as JSON. */
const isEqual = (left: unknown, right: unknown): boolean => isDeepStrictEqual(asJson(left), asJson(right));

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const includes = (all: Readonly<Record<string, string>>, some: Readonly<Record<string, string>>): boolean =>
  Object.entries(some).every(([key, value]) => all[key] === value);
