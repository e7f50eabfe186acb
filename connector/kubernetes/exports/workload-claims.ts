/** The claims of annotated workloads of one kind. Pods are watched only while their workload is exposed. */
import type { ClusterViews, PodObject, View, WorkloadObject } from "../cluster/cluster.ts";
import { type Claim, claimOf, type ExportOptions, mayExport } from "./claim.ts";
import { ClaimTable } from "./claim-table.ts";
import { workloadSource } from "./workload-source.ts";

export interface WorkloadClaimsOptions extends ExportOptions {
  readonly view: View<WorkloadObject>;
  readonly views: Pick<ClusterViews, "pods">;
  readonly remembered: readonly Claim[];
  /** Called when {@link WorkloadClaims.review} has something to do. */
  readonly changed: () => void;
}

interface WatchedPods {
  readonly selector: string;
  readonly view: View<PodObject> & { close(): void };
}

export class WorkloadClaims {
  readonly #options: WorkloadClaimsOptions;
  readonly #claims: ClaimTable;
  /** By the workload's key. */
  readonly #pods = new Map<string, WatchedPods>();

  constructor(options: WorkloadClaimsOptions) {
    this.#options = options;
    const { view, remembered, changed } = options;
    this.#claims = new ClaimTable(remembered, changed);
    view.onChange((keys) => (keys.length > 0 ? this.#claims.mark(keys) : this.#claims.markAll(view.list())));
    this.#claims.markAll(view.list());
  }

  values(): Iterable<Claim> {
    return this.#claims.values();
  }

  /** Looks at what changed. Nothing is decided before the view is whole, and the pods' of the workload. */
  review(): void {
    const { view } = this.#options;
    if (view.synced) this.#claims.review((namespace, name) => this.#evaluate(namespace, name));
  }

  close(): void {
    for (const key of this.#pods.keys()) this.#unwatch(key);
  }

  #evaluate(namespace: string, name: string): Claim | null | "unknown" {
    const key = `${namespace}/${name}`;
    const workload = this.#options.view.get(namespace, name);
    if (workload === undefined || !mayExport(workload.meta, this.#options)) {
      this.#unwatch(key);
      return null;
    }
    // The source is asked for only if the annotations ask for something.
    let isKnown = true;
    const claim = claimOf(workload.kind, workload.meta, this.#options, () => {
      const pods = this.#watch(key, workload);
      isKnown = pods.synced;
      return workloadSource(workload, pods.list());
    });
    if (claim.outcome.service === null) this.#unwatch(key);
    return isKnown || claim.outcome.service === null ? claim : "unknown";
  }

  /** The view of a workload's pods. */
  #watch(key: string, { meta, selector }: WorkloadObject): View<PodObject> {
    const before = this.#pods.get(key);
    if (before?.selector === selector) return before.view;
    before?.view.close();
    const view = this.#options.views.pods(meta.namespace, selector);
    this.#pods.set(key, { selector, view });
    view.onChange(() => this.#claims.mark([key]));
    return view;
  }

  #unwatch(key: string): void {
    this.#pods.get(key)?.view.close();
    this.#pods.delete(key);
  }
}
