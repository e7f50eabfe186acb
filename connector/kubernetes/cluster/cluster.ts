/**
 * The cluster, as its controllers use it: copies of what they read, and what they write with. The controllers
 * (`exports/`, `imports/`, `mcs/`) decide; this is all that they touch.
 */
import type { Log } from "../../log.ts";
import type { Kind } from "../api/kinds.ts";

/** The part of an object's metadata that is kept. */
export interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | undefined;
  /** RFC 3339, to the second. */
  readonly creationTimestamp: string;
  /** Set while the object is being deleted. */
  readonly deletionTimestamp: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * A copy of a collection, of all namespaces that the connector reads. It may be old; it is never partial. The name alone
 * is the key of an object in no namespace, which `get` finds in the namespace "".
 */
export interface View<T> {
  /** True once a whole list of each namespace was there. Until then, decide nothing by what is absent. */
  readonly synced: boolean;
  /** As `synced`, of one namespace: a right may be missing in another. */
  isSynced(namespace: string): boolean;
  get(namespace: string, name: string): T | undefined;
  list(): Iterable<T>;
  /** Calls back with the keys, `namespace/name`, of what changed, and with none when a namespace is first synced. */
  onChange(listener: (keys: readonly string[]) => void): void;
}

/** An object of which a Kubernetes Event tells. */
export interface ObjectReference {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface ClusterEvent {
  readonly about: ObjectReference;
  readonly type: "Normal" | "Warning";
  /** CamelCase. */
  readonly reason: string;
  /** What was done or tried, CamelCase. */
  readonly action: string;
  /** A sentence that says what to do, without counters and addresses: equal notes are one Event with a series. */
  readonly note: string;
}

export interface EventRecorder {
  /** Records an Event. It never throws and never waits; too many about one object are dropped. */
  record(event: ClusterEvent): void;
}

/** An object as it is written: JSON with `metadata`. */
export interface Writable {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/**
 * Writes objects, while this process leads. Each call throws ApiError; 409 and 404 are for the caller to decide. A write
 * that begins without leadership, or is not answered before it ends, throws one without a status.
 */
export interface ClusterWriter {
  /** POST: never overwrites. `apiVersion` and `kind` are added. Returns the object as stored. */
  create(kind: Kind, namespace: string, object: Writable): Promise<Record<string, unknown>>;
  /** PUT with the `metadata.resourceVersion` of the object that was read. */
  update(kind: Kind, namespace: string, object: Writable): Promise<Record<string, unknown>>;
  /** PUT of the subresource `status`. */
  updateStatus(kind: Kind, namespace: string, object: Writable): Promise<Record<string, unknown>>;
  /** DELETE with preconditions: exactly this object, unchanged since it was read. */
  delete(kind: Kind, object: Pick<Meta, "namespace" | "name" | "uid" | "resourceVersion">): Promise<void>;
  /** GET. Null for 404. */
  get(kind: Kind, namespace: string, name: string): Promise<Record<string, unknown> | null>;
}

/** Who writes: one connector of the site at a time. Losing it stops writing and nothing else. */
export interface Leadership {
  readonly isLeader: boolean;
  onChange(listener: () => void): void;
}

/** How clients in the cluster reach the connectors of the site. */
export interface ConnectorAccess {
  /** The connectors' local port for a port of a service; null while no listener is for it. */
  portOf(service: string, port: number, transport: "tcp" | "udp"): number | null;
  /** The addresses of the connectors that take connections; null while they are not known. */
  addresses(): readonly string[] | null;
  /** Calls back when any of this has changed. */
  onChange(listener: () => void): void;
}

export interface ServicePortObject {
  readonly name: string | undefined;
  /** TCP, UDP or SCTP. */
  readonly protocol: string;
  readonly appProtocol: string | undefined;
  readonly port: number;
  readonly targetPort: number | string | undefined;
  readonly nodePort: number | undefined;
}

export interface ServiceObject {
  readonly meta: Meta;
  readonly type: string;
  /** "None" for a headless Service; empty while it has none. */
  readonly clusterIP: string;
  readonly clusterIPs: readonly string[];
  readonly ports: readonly ServicePortObject[];
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly sessionAffinity: string;
  /** Seconds; undefined without ClientIP affinity. */
  readonly sessionAffinityTimeout: number | undefined;
  readonly ipFamilies: readonly string[];
  readonly internalTrafficPolicy: string | undefined;
  readonly trafficDistribution: string | undefined;
  /** The host of a Service of the type ExternalName. */
  readonly externalName?: string | undefined;
}

export interface Endpoint {
  readonly addresses: readonly string[];
  /** Null and undefined count as ready. */
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly hostname: string | undefined;
  /** The name of the pod that the endpoint is. */
  readonly pod: string | undefined;
}

export interface EndpointSliceObject {
  readonly meta: Meta;
  /** The label `kubernetes.io/service-name`; undefined for a slice of no Service. */
  readonly service: string | undefined;
  readonly addressType: string;
  readonly ports: readonly {
    readonly name: string;
    readonly protocol: string;
    readonly port: number | undefined;
  }[];
  readonly endpoints: readonly Endpoint[];
}

/** A Deployment, StatefulSet or DaemonSet. */
export interface WorkloadObject {
  readonly meta: Meta;
  readonly kind: Kind;
  /** As a text that a label selector of the API has. */
  readonly selector: string;
  readonly containerPorts: readonly {
    readonly name: string | undefined;
    readonly protocol: string;
    readonly port: number;
  }[];
}

export interface PodObject {
  readonly meta: Meta;
  /** The condition Ready, of a pod that is not being deleted. */
  readonly ready: boolean;
  readonly addresses: readonly string[];
  readonly hostname: string | undefined;
}

/** The copies that every controller shares. */
export interface ClusterViews {
  readonly services: View<ServiceObject>;
  readonly endpointSlices: View<EndpointSliceObject>;
  /** Deployments, StatefulSets and DaemonSets, by kind. */
  readonly workloads: readonly View<WorkloadObject>[];
  /** The connectors of this site, where they run in pods. */
  readonly connectors: View<PodObject>;
  /** Opens a view of the pods that a selector finds. Close it when nobody needs it. */
  pods(namespace: string, selector: string): View<PodObject> & { close(): void };
  /**
   * Opens a view of another kind. A definition or a right that is missing leaves it unsynced; `failed` hears why, and
   * it is asked again by itself.
   */
  open<T>(
    kind: Kind,
    keep: (object: Record<string, unknown>) => T,
    failed?: (status: number | null, message: string) => void,
  ): View<T> & { close(): void };
  /** Opens a view of one object in the connector's own namespace: a ConfigMap, a Secret. It needs no right to list all. */
  openOne<T>(
    kind: Kind,
    name: string,
    keep: (object: Record<string, unknown>) => T,
  ): View<T> & { close(): void };
}

/** This process in the cluster. */
export interface OwnPod {
  /** The pod's name; the machine's hostname outside of a pod. */
  readonly name: string;
  /** The address at which other pods reach its listeners; null while unknown. */
  readonly address: string | null;
  /** Whether the process runs in a pod that the API server knows. */
  readonly inCluster: boolean;
}

export interface Cluster {
  /** The namespace of the connector's own objects. */
  readonly namespace: string;
  /** The namespaces whose objects may be exported; null for all. Views of Services and slices have `imports` as well. */
  readonly watched: readonly string[] | null;
  /** The namespaces in which Services for the network's services are made. */
  readonly imports: readonly string[];
  /** The first word of the names of the connector's own objects: `fairlead`. */
  readonly name: string;
  readonly siteId: string;
  siteName(): string;
  readonly pod: OwnPod;
  /** What Events about the connector itself tell of: its Deployment. */
  readonly self: ObjectReference;
  readonly views: ClusterViews;
  readonly writer: ClusterWriter;
  readonly events: EventRecorder;
  readonly leadership: Leadership;
  readonly log: Log;
}
