/**
 * The Multi-Cluster Services API in a cluster: offers what its ServiceExports name, and keeps ServiceImports, with
 * Services and EndpointSlices, for what all clusters export. Every connector of a site offers; its leader writes.
 */
import { KINDS } from "../api/kinds.ts";
import type { Cluster, Meta, View } from "../cluster/cluster.ts";
import { metaOf } from "../cluster/keep.ts";
import { WorkQueue } from "../cluster/work-queue.ts";
import { ActionExecutor, isNamespaceGone } from "./action-executor.ts";
import { ClustersetNames } from "./clusterset-names.ts";
import { newConditions, nextConditions } from "./conditions.ts";
import { DerivedObjects } from "./derived-objects.ts";
import {
  EXPORT_CONDITIONS,
  type ExportProgress,
  invalidConditions,
  validConditions,
} from "./export-conditions.ts";
import { exportEvents } from "./export-events.ts";
import type { ExportMemory } from "./export-memory.ts";
import { FirstView } from "./first-view.ts";
import { planImport } from "./import-plan.ts";
import { type MergedService, merge } from "./merge.ts";
import type { McsNetwork } from "./network.ts";
import {
  EXPORT_KINDS,
  IMPORT_KINDS,
  keepServiceExport,
  keepServiceImport,
  type ServiceExportObject,
  type ServiceImportObject,
} from "./objects.ts";
import type { ValidExport } from "./own-export.ts";
import { type OwnExport, OwnExports } from "./own-exports.ts";
import { keyOf, type RemoteExport, remoteExports } from "./remote-exports.ts";

/** Changes within this time are one, ms: the objects of one service come as many. */
const BATCH_MS = 20;

export class Clusterset {
  readonly #cluster: Cluster;
  readonly #network: McsNetwork;
  readonly #memory: ExportMemory;
  readonly #exports: FirstView<ServiceExportObject>;
  readonly #imports: FirstView<ServiceImportObject>;
  /** Undefined where the connector reads some namespaces alone. */
  readonly #namespaces: (View<Meta> & { close(): void }) | undefined;
  readonly #objects: DerivedObjects;
  readonly #own: OwnExports;
  readonly #executor: ActionExecutor;
  readonly #queue: WorkQueue;
  #remotes: ReadonlyMap<string, readonly RemoteExport[]> = new Map();
  /** Namespaces in which something has changed. */
  readonly #stale = new Set<string>();
  #isEverythingStale = true;
  #scheduled: NodeJS.Timeout | undefined;
  /** Whether it is known what was offered before the start. */
  #isLoaded = false;
  readonly #begun = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(cluster: Cluster, network: McsNetwork, memory: ExportMemory) {
    const { views, siteId, watched, log } = cluster;
    this.#cluster = cluster;
    this.#network = network;
    this.#memory = memory;
    this.#exports = new FirstView(views, EXPORT_KINDS, keepServiceExport);
    this.#imports = new FirstView(views, IMPORT_KINDS, keepServiceImport);
    this.#namespaces = watched === null ? views.open(KINDS.namespaces, metaOf) : undefined;
    this.#objects = new DerivedObjects(views.services, views.endpointSlices, siteId);
    this.#own = new OwnExports({
      ...{ exports: this.#exports, services: views.services, objects: this.#objects, siteId },
      isKnown: (namespace) => this.#isKnown(namespace),
      siteName: () => cluster.siteName(),
    });
    this.#executor = new ActionExecutor(cluster);
    this.#queue = new WorkQueue({
      work: (key) => this.#write(key),
      failed: (key, error, waitMs) => {
        if (isNamespaceGone(error)) return;
        const text = error instanceof Error ? error.message : String(error);
        log.warn({ service: key, waitMs }, `The objects of an imported service were not written: ${text}`);
      },
      random: Math.random,
    });
  }

  /** Resolves once what is exported is offered: as the cluster says it, or as it was before the start. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  async start(): Promise<void> {
    const { views, leadership } = this.#cluster;
    for (const view of [this.#exports, this.#imports, views.services, views.endpointSlices]) {
      view.onChange((keys) => this.#changed(keys));
    }
    this.#namespaces?.onChange((names) => this.#changed(names.map((name) => `${name}/`)));
    views.connectors.onChange(() => this.#everythingChanged());
    leadership.onChange(() => this.#everythingChanged());
    this.#network.onChange(() => this.#everythingChanged());
    this.#network.setNames(
      new ClustersetNames({
        imports: this.#imports,
        endpointSlices: views.endpointSlices,
        slicesOf: (namespace, name) => this.#objects.slices(keyOf({ namespace, name })),
      }),
    );
    this.#own.remember(await this.#memory.load());
    this.#isLoaded = true;
    this.#everythingChanged();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#scheduled);
    await Promise.all([this.#queue.stop(), this.#memory.save()]);
    for (const view of [this.#exports, this.#imports, this.#namespaces]) view?.close();
  }

  /** @param keys `namespace/name` each; none when a view is whole for the first time */
  #changed(keys: readonly string[]): void {
    if (keys.length === 0) this.#isEverythingStale = true;
    for (const key of keys) this.#stale.add(key.slice(0, key.indexOf("/")));
    this.#schedule();
  }

  #everythingChanged(): void {
    this.#isEverythingStale = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#scheduled ??= setTimeout(() => {
      this.#scheduled = undefined;
      this.#update();
    }, BATCH_MS).unref();
  }

  /** Offers what is exported now, and has the objects written that may be out of date. */
  #update(): void {
    const { leadership } = this.#cluster;
    const isAll = this.#isEverythingStale;
    const stale = new Set(this.#stale);
    const isStale = (namespace: string) => isAll || stale.has(namespace);
    this.#isEverythingStale = false;
    this.#stale.clear();
    if (this.#own.update(isStale)) {
      const exposures = this.#own.exposures();
      this.#network.setExposures(exposures);
      this.#memory.keep(exposures);
    }
    if (this.#isLoaded && (this.#own.isRemembered || this.#isRead)) this.#begun.resolve();
    if (isAll) this.#remotes = remoteExports(this.#network.services());
    this.#network.namesChanged();
    if (!leadership.isLeader) return;
    const imports = [...this.#imports.list()].map(({ meta }) => keyOf(meta));
    const keys = new Set([...this.#own.keys(), ...this.#remotes.keys(), ...imports, ...this.#objects.keys()]);
    for (const key of keys) if (isStale(namespaceOf(key))) this.#queue.add(key);
  }

  /** Whether the cluster has said what it exports, or that it exports nothing. */
  get #isRead(): boolean {
    const { services, endpointSlices } = this.#cluster.views;
    return this.#exports.isRefused || (this.#exports.synced && services.synced && endpointSlices.synced);
  }

  async #write(key: string): Promise<void> {
    const namespace = namespaceOf(key);
    if (!this.#cluster.leadership.isLeader || !this.#isKnown(namespace)) return;
    const own = this.#own.get(key);
    const { isComplete } = this.#network;
    const merged = isComplete ? this.#merged(key, own) : undefined;
    if (own !== undefined) await this.#writeStatus(own, merged);
    if (merged !== undefined) await this.#writeImport(key, own, merged);
  }

  #merged(key: string, own: OwnExport | undefined): MergedService | null {
    const cluster = this.#cluster.siteName();
    const details = own === undefined ? undefined : validOf(own)?.details;
    const remotes = this.#remotes.get(key) ?? [];
    return merge(details === undefined ? remotes : [...remotes, { cluster, details }]);
  }

  /** @param merged undefined while the exports of other clusters are not known */
  async #writeStatus(own: OwnExport, merged: MergedService | null | undefined): Promise<void> {
    const { exported, outcome } = own;
    const { meta, conditions: stored } = exported;
    const { kind } = this.#exports;
    if (kind === null) return;
    const conflict = merged === undefined ? undefined : (merged?.conflict ?? null);
    const wanted =
      "details" in outcome
        ? validConditions(outcome, this.#progressOf(outcome), conflict, stored)
        : invalidConditions(outcome);
    const options = { ours: EXPORT_CONDITIONS, generation: meta.generation, now: secondsNow() };
    const conditions = nextConditions(stored, wanted, options);
    if (conditions === null) return;
    const fields = { status: { conditions } };
    if (!(await this.#executor.run({ do: "update-status", kind, meta, fields }))) return;
    const { namespace, name, uid } = meta;
    const hasUncarried = "details" in outcome && outcome.notCarried.length > 0;
    for (const event of exportEvents(
      { kind, namespace, name, uid },
      newConditions(stored, wanted),
      hasUncarried,
    )) {
      this.#cluster.events.record(event);
    }
  }

  #progressOf({ networkNames }: ValidExport): ExportProgress {
    for (const name of networkNames) {
      const message = this.#network.refusal(name);
      if (message !== null) return { state: "failed", message };
    }
    return { state: this.#network.isComplete ? "exported" : "pending" };
  }

  async #writeImport(key: string, own: OwnExport | undefined, merged: MergedService | null): Promise<void> {
    const { pod, siteId } = this.#cluster;
    const { kind } = this.#imports;
    const addresses = this.#network.addresses() ?? (pod.inCluster ? null : []);
    const [namespace, name] = [namespaceOf(key), key.slice(key.indexOf("/") + 1)];
    if (kind === null || addresses === null || !this.#imports.isSynced(namespace)) return;
    if (merged !== null && this.#isMissing(namespace)) return;
    const cluster = this.#cluster.siteName();
    const hasOwn = own !== undefined && validOf(own) !== null;
    const imported =
      merged === null
        ? null
        : {
            ...{ namespace, name, merged, remotes: this.#remotes.get(key) ?? [] },
            own: hasOwn ? { siteId, cluster, slices: this.#objects.slicesOfService(key) } : null,
          };
    const state = {
      serviceImport: this.#imports.get(namespace, name),
      services: this.#objects.services(key),
      slices: this.#objects.slices(key),
    };
    const access = {
      addresses,
      listenerPort: this.#network.listenerPort.bind(this.#network),
    };
    const context = { siteId, importKind: kind, now: secondsNow() };
    const { actions, foreign } = planImport(imported, state, access, context);
    if (foreign !== null) this.#executor.tellTaken(kind, foreign.meta);
    const failures: unknown[] = [];
    for (const action of actions) await this.#executor.run(action).catch((error) => failures.push(error));
    // What one object lacks is no reason to leave the others as they are.
    if (failures.length > 0) throw failures[0];
  }

  /** Whether the connector reads a namespace for exports, and has read it. */
  #isKnown(namespace: string): boolean {
    const { watched, views } = this.#cluster;
    if (watched !== null && !watched.includes(namespace)) return false;
    return [this.#exports, views.services, views.endpointSlices].every((view) => view.isSynced(namespace));
  }

  /** Whether nothing can be made in a namespace. Where namespaces cannot be read, the API server will say it. */
  #isMissing(namespace: string): boolean {
    if (this.#namespaces?.synced !== true) return false;
    const found = this.#namespaces.get("", namespace);
    return found === undefined || found.deletionTimestamp !== undefined;
  }
}

const validOf = ({ outcome }: OwnExport): ValidExport | null => ("details" in outcome ? outcome : null);

const namespaceOf = (key: string): string => key.slice(0, key.indexOf("/"));

/** Times in the API have whole seconds. */
const secondsNow = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
