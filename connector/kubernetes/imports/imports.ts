/**
 * The network's services in the cluster: listener ports that all connectors of the site share, Services that lead to
 * them, and which connectors take connections.
 */
import { isLoopback } from "../../../protocol/dns/address.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import { sleep } from "../../async/sleep.ts";
import type { AssignedPorts } from "../../listeners/listener-set.ts";
import type { StateStore } from "../../state/store.ts";
import { ApiError } from "../api/failure.ts";
import type { Cluster, ConnectorAccess } from "../cluster/cluster.ts";
import { connectorLabels } from "../cluster/names.ts";
import { WorkQueue } from "../cluster/work-queue.ts";
import { type ConnectorPlaces, connectorPlaces } from "./connector-addresses.ts";
import { type DesiredService, desiredServices } from "./desired-services.ts";
import { ListenerPorts } from "./listener-ports.ts";
import { keysOf, type PortBook, type PortRange } from "./port-book.ts";
import { ServiceKeeper } from "./service-keeper.ts";
import type { Ownership } from "./service-object.ts";
import { isImport } from "./service-plan.ts";

/** The queue's key for the ConfigMap of listener ports, which is no key of a Service. */
const PORTS = "listener ports";

const NO_PORTS: PortBook = new Map();

/** Time for which a connector that stops goes on listening, ms: until every node of the cluster knows. */
export const LEAVE_MS = 5000;

/** The services of the network, as the registry names them. */
export interface NetworkServices {
  /** Those that other sites offer. */
  reachable(): readonly VisibleService[];
  lookup(name: string): VisibleService | undefined;
  /** Whether the registry said that there is no such service. */
  isGone(name: string): boolean;
  /** Whether every service is known. */
  readonly isComplete: boolean;
}

export interface ImportsOptions {
  readonly cluster: Cluster;
  readonly state: StateStore;
  readonly range: PortRange;
  readonly catalogue: NetworkServices;
  /** Names of the services that this site offers. */
  readonly offered: () => Iterable<string>;
  readonly listeners: {
    /** Moves the listeners to the ports that are assigned now. */
    assign(ports: AssignedPorts): void;
    /** Whether every listener that is needed takes clients. */
    readonly isListening: boolean;
  };
  /** Whether requests to the API server fail. */
  readonly isApiAway: () => boolean;
  /** Lets another connector write. */
  readonly release: () => Promise<void>;
  /** Time for which a connector that stops goes on listening, ms; {@link LEAVE_MS} unless given. */
  readonly leaveMs?: number;
}

/** Why a connector of a cluster is not ready. */
export type NotReady = "catalogue" | "ports" | "listeners";

export class Imports implements ConnectorAccess {
  readonly #options: ImportsOptions;
  readonly #ports: ListenerPorts;
  readonly #keeper: ServiceKeeper;
  readonly #queue: WorkQueue;
  readonly #closing = new AbortController();
  /** Undefined after a change, until it is needed. */
  #desired: ReadonlyMap<string, DesiredService> | undefined;
  readonly #listeners = new Set<() => void>();
  #onServiceChange: () => void = () => undefined;
  #planned: NodeJS.Immediate | undefined;
  #wasPod = false;
  #isLeaving = false;
  #wasReady = false;

  constructor(options: ImportsOptions) {
    this.#options = options;
    const { cluster, state, range } = options;
    const { siteId, name, log } = cluster;
    const ownership: Ownership = { siteId, selector: connectorLabels(name) };
    this.#queue = new WorkQueue({
      work: (key) => (key === PORTS ? this.#ports.write() : this.#keeper.keep(key)),
      failed: (key, error, waitMs) => {
        log.debug({ key, waitMs }, `A change of the cluster failed, and is tried again: ${textOf(error)}`);
      },
      random: Math.random,
    });
    this.#ports = new ListenerPorts({
      ...{ cluster, state, range },
      needed: () => this.#neededPorts(),
      plan: () => this.#queue.add(PORTS),
      onChange: () => this.#portsChanged(),
    });
    this.#keeper = new ServiceKeeper({
      ...{ cluster, ownership, plan: (key) => this.#queue.add(key) },
      wishes: () => ({
        services: this.#desiredNow(),
        isGone: (service) => this.#isGone(service),
        addresses: this.#places().addresses,
      }),
    });
  }

  portOf(...key: Parameters<AssignedPorts["portOf"]>): number | null {
    return this.#ports.portOf(...key);
  }

  addresses(): readonly string[] | null {
    return this.#places().addresses?.map(({ address }) => address) ?? null;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    const { cluster } = this.#options;
    const { services, endpointSlices, connectors } = cluster.views;
    services.onChange((keys) => {
      if (keys.length === 0) this.#ports.review();
      this.#keeper.servicesChanged(keys);
      if (keys.some((key) => this.#desiredNow().has(key))) this.#onServiceChange();
    });
    endpointSlices.onChange((keys) => this.#keeper.slicesChanged(keys));
    connectors.onChange(() => this.#placesChanged());
    cluster.leadership.onChange(() => this.#review());
    if (cluster.pod.address === null || isLoopback(cluster.pod.address)) {
      const text =
        "This connector has no address that pods could reach, so no Service leads to it. Set POD_IP to an address of this machine.";
      cluster.log.warn({ address: cluster.pod.address }, text);
    }
    await this.#ports.start();
    this.#review();
  }

  /** Call this when the services of the network have changed, or those that this site offers. */
  networkChanged(): void {
    this.#desired = undefined;
    // Services come in several messages.
    this.#planned ??= setImmediate(() => {
      this.#planned = undefined;
      this.#review();
    });
  }

  /** The addresses of the Service that was made for a service; null without one, and outside of the cluster's pods. */
  addressesOf(service: string): readonly string[] | null {
    const { namespace, imports, views, siteId } = this.#options.cluster;
    if (this.#places().isPod !== true) return null;
    const at = imports.includes(namespace) ? namespace : imports[0];
    const found = at === undefined ? undefined : views.services.get(at, service);
    if (found === undefined || !isImport(found, siteId)) return null;
    const addresses = found.clusterIPs.filter((address) => address !== "None");
    return addresses.length > 0 ? addresses : null;
  }

  /** Calls back when {@link addressesOf} a service may have changed. */
  onServiceChange(listener: () => void): void {
    this.#onServiceChange = listener;
  }

  /**
   * What this connector lacks to take connections; null if nothing. Once it took some, it goes on whatever becomes of the
   * uplink and the API server.
   */
  notReady(): NotReady | null {
    const { catalogue, listeners, isApiAway } = this.#options;
    if (this.#wasReady) return null;
    if (!catalogue.isComplete) return "catalogue";
    if (!this.#ports.isKnown && !isApiAway()) return "ports";
    if (!listeners.isListening) return "listeners";
    this.#wasReady = true;
    return null;
  }

  /**
   * Takes this connector's address out of the slices, and waits until no client comes to it by them. A connector in no pod
   * lets the next one put its own address there.
   */
  async drain(): Promise<void> {
    this.#isLeaving = true;
    const { isPod } = this.#places();
    this.#placesChanged();
    if (isPod === false) await this.#options.release();
    await sleep(this.#options.leaveMs ?? LEAVE_MS, this.#closing.signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearImmediate(this.#planned);
    this.#ports.close();
    await this.#queue.stop();
  }

  #review(): void {
    this.#ports.review();
    this.#keeper.review();
  }

  #portsChanged(): void {
    this.#desired = undefined;
    this.#options.listeners.assign(this.#ports);
    this.#keeper.review();
    this.#notify();
  }

  #placesChanged(): void {
    this.#desired = undefined;
    this.#keeper.review();
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #neededPorts(): readonly string[] | null {
    const { catalogue } = this.#options;
    return catalogue.isComplete ? catalogue.reachable().flatMap(keysOf) : null;
  }

  #desiredNow(): ReadonlyMap<string, DesiredService> {
    this.#desired ??= this.#desire();
    return this.#desired;
  }

  #desire(): ReadonlyMap<string, DesiredService> {
    const { cluster, catalogue, offered } = this.#options;
    const { isPod } = this.#places();
    return desiredServices({
      services: catalogue.reachable(),
      offered: new Set(offered()),
      // Until it is known how Services lead here, they stay as they are.
      book: isPod === null ? NO_PORTS : this.#ports.book,
      namespaces: cluster.imports,
      selectable: isPod === true ? cluster.namespace : null,
    });
  }

  /** A service that the registry names without an offer of another site has none. */
  #isGone(service: string): boolean {
    const { catalogue } = this.#options;
    return catalogue.isGone(service) || (catalogue.isComplete && catalogue.lookup(service) !== undefined);
  }

  #places(): ConnectorPlaces {
    const { pod: self, views } = this.#options.cluster;
    const pods = views.connectors.synced ? views.connectors.list() : null;
    const places = connectorPlaces({ pods, self, wasPod: this.#wasPod, isLeaving: this.#isLeaving });
    this.#wasPod ||= places.isPod === true;
    return places;
  }
}

const textOf = (error: unknown): string =>
  error instanceof ApiError ? error.failure.message : error instanceof Error ? error.message : String(error);
