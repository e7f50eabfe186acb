/** The copies of a cluster's objects that all controllers share, and those that one controller opens for itself. */
import type { ApiClient } from "../api/api-client.ts";
import type { Failure } from "../api/failure.ts";
import { KINDS, type Kind } from "../api/kinds.ts";
import { NamespaceView, type NamespaceViewOptions, type ViewObserver } from "../watch/namespace-view.ts";
import type {
  ClusterViews,
  EndpointSliceObject,
  PodObject,
  ServiceObject,
  View,
  WorkloadObject,
} from "./cluster.ts";
import { keepEndpointSlice, keepPod, keepService, keepWorkload } from "./keep.ts";
import { selectorText } from "./label-selector.ts";
import { connectorLabels } from "./names.ts";

export interface OpenViewsOptions {
  readonly client: ApiClient;
  /** The connector's own namespace. */
  readonly namespace: string;
  /** The namespaces whose objects may be exported; null for all. */
  readonly watched: readonly string[] | null;
  /** Those, and the ones in which Services are made; null for all. */
  readonly served: readonly string[] | null;
  /** The first word of the names of the connector's own objects. */
  readonly name: string;
  readonly observer: ViewObserver;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/** A view that is watched until it is closed. */
interface Closable {
  start(): void;
  hurry(): void;
  close(): Promise<void>;
}

export class OpenViews implements ClusterViews {
  readonly services: View<ServiceObject>;
  readonly endpointSlices: View<EndpointSliceObject>;
  readonly workloads: readonly View<WorkloadObject>[];
  readonly deployments: View<WorkloadObject>;
  readonly connectors: View<PodObject>;
  readonly #options: OpenViewsOptions;
  /** The views that all controllers share. */
  readonly #shared: readonly Closable[];
  readonly #opened = new Set<Closable>();

  constructor(options: OpenViewsOptions) {
    this.#options = options;
    const { namespace, name, served: namespaces } = options;
    const services = this.#view({ kind: KINDS.services, keep: keepService, namespaces });
    const endpointSlices = this.#view({ kind: KINDS.endpointSlices, keep: keepEndpointSlice, namespaces });
    const workloads = (kind: Kind) => this.#view({ kind, keep: keepWorkload(kind) });
    const deployments = workloads(KINDS.deployments);
    const others = [workloads(KINDS.statefulSets), workloads(KINDS.daemonSets)];
    const labelSelector = selectorText({ matchLabels: connectorLabels(name) });
    const connectors = this.#view({
      ...{ kind: KINDS.pods, keep: keepPod, labelSelector },
      namespaces: [namespace],
    });
    this.services = services;
    this.endpointSlices = endpointSlices;
    this.deployments = deployments;
    this.workloads = [deployments, ...others];
    this.connectors = connectors;
    this.#shared = [services, endpointSlices, deployments, ...others, connectors];
  }

  pods(namespace: string, selector: string): View<PodObject> & { close(): void } {
    return this.#open({
      ...{ kind: KINDS.pods, keep: keepPod, labelSelector: selector },
      namespaces: [namespace],
    });
  }

  open<T>(
    kind: Kind,
    keep: (object: Record<string, unknown>) => T,
    failed?: (status: number | null, message: string) => void,
  ): View<T> & { close(): void } {
    const { observer } = this.#options;
    const heard: ViewObserver = {
      succeeded: (...what) => observer.succeeded(...what),
      threw: (...what) => observer.threw(...what),
      failed: (failure: Failure, ...what) => {
        failed?.(failure.status, failure.message);
        observer.failed(failure, ...what);
      },
    };
    return this.#open({ kind, keep, observer: heard });
  }

  openOne<T>(
    kind: Kind,
    name: string,
    keep: (object: Record<string, unknown>) => T,
  ): View<T> & { close(): void } {
    const { namespace } = this.#options;
    return this.#open({ kind, keep, fieldSelector: `metadata.name=${name}`, namespaces: [namespace] });
  }

  /** Begins to list and watch what all controllers share. */
  start(): void {
    for (const view of this.#shared) view.start();
  }

  /** Ends waits soon: the server answers again. */
  hurry(): void {
    for (const view of [...this.#shared, ...this.#opened]) view.hurry();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#shared, ...this.#opened].map((view) => view.close()));
  }

  #open<T>(given: ViewChoice<T>): View<T> & { close(): void } {
    const view = this.#view(given);
    this.#opened.add(view);
    view.start();
    return {
      get synced() {
        return view.synced;
      },
      isSynced: (namespace) => view.isSynced(namespace),
      get: (namespace, name) => view.get(namespace, name),
      list: () => view.list(),
      onChange: (listener) => view.onChange(listener),
      close: () => {
        this.#opened.delete(view);
        void view.close();
      },
    };
  }

  #view<T>(given: ViewChoice<T>): NamespaceView<T> {
    const { client, watched: namespaces, observer, random } = this.#options;
    return new NamespaceView({ client, namespaces, observer, random, ...given });
  }
}

type ViewChoice<T> = Pick<NamespaceViewOptions<T>, "kind" | "keep"> & Partial<NamespaceViewOptions<T>>;
