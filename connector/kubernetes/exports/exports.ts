/**
 * Exposes the annotated objects of the cluster: follows them, offers their services, and tells their owners. Everything is
 * computed again from the views; a change is in the offers a moment after it was seen, and nothing is polled.
 */
import type { ManagedExposure } from "../../targets/managed-exposures.ts";
import { KINDS } from "../api/kinds.ts";
import type { Cluster, ClusterViews } from "../cluster/cluster.ts";
import { type Arrangement, arrange } from "./arrangement.ts";
import type { Claim } from "./claim.ts";
import type { ExportMemory } from "./memory.ts";
import { eventsBetween, type Refusal, type Reports, reportsOf } from "./reports.ts";
import { ServiceClaims } from "./service-claims.ts";
import { WorkloadClaims } from "./workload-claims.ts";

/** How long changes are collected, ms. Pods come and go in bursts. */
const COLLECT_MS = 20;
/** How long changes are collected for the memory, ms: each write has all claims. */
const SAVE_MS = 2000;

/** The connector's offers, as this room uses them. */
export interface OffersOfExports {
  set(exposures: readonly ManagedExposure[]): void;
  /** Services that this room gave and that are not offered: by the connector, or by the network. */
  refusals(): readonly Refusal[];
}

export interface ExportsOptions {
  readonly cluster: Pick<Cluster, "watched" | "events"> & {
    readonly views: Pick<ClusterViews, "services" | "endpointSlices" | "workloads" | "pods">;
  };
  readonly skupper: boolean;
  readonly offers: OffersOfExports;
  readonly memory: Pick<ExportMemory, "load" | "save">;
}

/** In the order of the views. */
const WORKLOADS = [KINDS.deployments, KINDS.statefulSets, KINDS.daemonSets];

export class Exports {
  readonly #options: ExportsOptions;
  #services: ServiceClaims | undefined;
  #workloads: readonly WorkloadClaims[] = [];
  #arrangement: Arrangement = arrange([]);
  /** What the owners know; null before the start. */
  #reports: Reports | null = null;
  #planned: NodeJS.Timeout | undefined;
  #saving: NodeJS.Timeout | undefined;
  readonly #begun = Promise.withResolvers<void>();
  #hasBegun = false;
  #isClosed = false;

  constructor(options: ExportsOptions) {
    this.#options = options;
  }

  /** Resolves once the services that the views have are offered. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Offers what was exposed before the last restart, then what the views have. */
  async start(): Promise<void> {
    const { cluster, skupper, memory } = this.#options;
    const { views, watched } = cluster;
    const remembered = await memory.load();
    const common = (kind: string) => ({
      ...{ watched, skupper, changed: () => this.#plan() },
      remembered: remembered.filter(({ about }) => about.kind.kind === kind),
    });
    this.#services = new ServiceClaims({ ...common("Service"), views });
    this.#workloads = views.workloads.map(
      (view, at) => new WorkloadClaims({ ...common(WORKLOADS[at]?.kind ?? ""), view, views }),
    );
    this.#offer();
    // The owners were told of these before the restart.
    this.#reports = this.#report();
    // A view without annotated objects plans nothing by itself.
    for (const view of this.#views()) view.onChange(() => this.#hasBegun || this.#plan());
    this.#plan();
  }

  #views() {
    const { services, endpointSlices, workloads } = this.#options.cluster.views;
    return [services, endpointSlices, ...workloads];
  }

  #areSynced(): boolean {
    return this.#views().every(({ synced }) => synced);
  }

  /** Tells the owners of services that are refused now, or no longer. */
  reviewRefusals(): void {
    const before = this.#reports;
    if (before === null) return;
    this.#reports = this.#report();
    for (const event of eventsBetween(before, this.#reports)) this.#options.cluster.events.record(event);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#planned);
    for (const workloads of this.#workloads) workloads.close();
    if (this.#saving !== undefined) await this.#save();
  }

  *#claims(): Generator<Claim> {
    yield* this.#services?.values() ?? [];
    for (const workloads of this.#workloads) yield* workloads.values();
  }

  #plan(): void {
    if (this.#isClosed) return;
    this.#planned ??= setTimeout(() => {
      this.#planned = undefined;
      this.#services?.review();
      for (const workloads of this.#workloads) workloads.review();
      this.#offer();
      this.reviewRefusals();
      if (!this.#hasBegun && this.#areSynced()) {
        this.#hasBegun = true;
        this.#begun.resolve();
      }
    }, COLLECT_MS).unref();
  }

  #offer(): void {
    const before = this.#arrangement.services;
    this.#arrangement = arrange(this.#claims());
    const { services } = this.#arrangement;
    if (services.length === before.length && services.every((each, at) => each === before[at])) return;
    this.#options.offers.set(services);
    this.#saving ??= setTimeout(() => void this.#save(), SAVE_MS).unref();
  }

  #report(): Reports {
    return reportsOf(this.#claims(), this.#arrangement, this.#options.offers.refusals());
  }

  async #save(): Promise<void> {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    await this.#options.memory.save(this.#claims());
  }
}
