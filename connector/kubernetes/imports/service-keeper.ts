/** Keeps the Services for the network's services, and their EndpointSlices, as they are to be. */
import type { Log } from "../../log.ts";
import { ApiError } from "../api/failure.ts";
import { KINDS, type Kind } from "../api/kinds.ts";
import type { Cluster, EndpointSliceObject, Meta, ServiceObject } from "../cluster/cluster.ts";
import { metaOf } from "../cluster/keep.ts";
import { isOwn, MANAGER } from "../cluster/names.ts";
import { type DesiredService, serviceKey } from "./desired-services.ts";
import {
  type AddressType,
  type Ownership,
  type SliceAddress,
  serviceObject,
  sliceName,
  sliceObject,
} from "./service-object.ts";
import {
  isImport,
  planService,
  planSlices,
  type ReadyService,
  type ServiceAction,
  type SliceAction,
} from "./service-plan.ts";

/** What is to be, as far as it is known now. */
export interface Wishes {
  /** By {@link serviceKey}. */
  readonly services: ReadonlyMap<string, DesiredService>;
  /** Whether the registry said that a service is not to be here. */
  isGone(service: string): boolean;
  /** Null while it is not known which connectors take connections. */
  readonly addresses: readonly SliceAddress[] | null;
}

export interface ServiceKeeperOptions {
  readonly cluster: Cluster;
  readonly ownership: Ownership;
  readonly wishes: () => Wishes;
  /** Has {@link ServiceKeeper.keep} called for a key, again after a failure. */
  readonly plan: (key: string) => void;
}

/** An object of somebody else that has a name of ours. */
interface Taken {
  readonly meta: Meta;
  readonly kind: Kind;
}

export class ServiceKeeper {
  readonly #options: ServiceKeeperOptions;
  readonly #log: Log;
  /** Objects of others that have names of ours, as uids by key: each is told once. */
  readonly #told = new Map<string, ReadonlySet<string>>();
  /** Services that the API server refused as they were then: it would refuse them again. */
  readonly #refused = new Map<string, string>();

  constructor(options: ServiceKeeperOptions) {
    this.#options = options;
    this.#log = options.cluster.log;
  }

  /** Plans work for every Service that is not as it is to be. Call this when wishes or leadership have changed. */
  review(): void {
    const { cluster, wishes, ownership } = this.#options;
    if (!cluster.leadership.isLeader) return;
    const keys = new Set(wishes().services.keys());
    for (const service of cluster.views.services.list()) {
      if (isImport(service, ownership.siteId)) keys.add(keyOfMeta(service.meta));
    }
    for (const slice of cluster.views.endpointSlices.list()) {
      const service = serviceOfSlice(slice.meta.name);
      if (service !== null && isOwn(slice.meta.labels, ownership.siteId)) {
        keys.add(serviceKey(slice.meta.namespace, service));
      }
    }
    for (const key of keys) this.#planIfDue(key);
  }

  /** Call this when Services have changed. @param keys none for all */
  servicesChanged(keys: readonly string[]): void {
    if (keys.length === 0) this.review();
    const { services } = this.#options.wishes();
    for (const key of keys) {
      this.#planIfDue(key);
      // The slice of a headless Service has the addresses of others.
      const group = services.get(key)?.group;
      if (typeof group === "string") this.#planIfDue(serviceKey(splitKey(key).namespace, group));
    }
  }

  /** Call this when EndpointSlices have changed. @param keys none for all */
  slicesChanged(keys: readonly string[]): void {
    if (keys.length === 0) this.review();
    for (const key of keys) {
      const { namespace, name } = splitKey(key);
      const service = serviceOfSlice(name);
      if (service !== null) this.#planIfDue(serviceKey(namespace, service));
    }
  }

  /** Does what is due for one Service. @throws ApiError if it has to be tried again */
  async keep(key: string): Promise<void> {
    if (!this.#mayWrite(key)) return;
    const action = this.#serviceAction(key);
    const taken = [
      ...(action.kind === "taken" ? [{ meta: action.existing.meta, kind: KINDS.services }] : []),
      ...this.#sliceActions(key).flatMap((each) =>
        each.kind === "taken" ? [{ meta: each.existing.meta, kind: KINDS.endpointSlices }] : [],
      ),
    ];
    // Before a create, a view may not have seen yet what has the name.
    if (action.kind !== "create") this.#noteTaken(key, taken);
    await this.#carryOut(key, action);
    for (const each of this.#sliceActions(key)) await this.#carryOutSlice(each);
  }

  /** Nothing is decided by what is absent before all is known, and only one connector of a site writes. */
  #mayWrite(key: string): boolean {
    const { leadership, views } = this.#options.cluster;
    const { namespace } = splitKey(key);
    return (
      leadership.isLeader && views.services.isSynced(namespace) && views.endpointSlices.isSynced(namespace)
    );
  }

  #planIfDue(key: string): void {
    if (this.#mayWrite(key) && this.#isDue(key)) this.#options.plan(key);
  }

  #isDue(key: string): boolean {
    const { kind } = this.#serviceAction(key);
    return kind !== "none" || this.#told.has(key) || this.#sliceActions(key).length > 0;
  }

  #serviceAction(key: string): ServiceAction {
    const { wishes, ownership } = this.#options;
    const { services, isGone } = wishes();
    const desired = services.get(key);
    const action = planService(desired, this.#service(key), {
      ...{ ...ownership, isGone: isGone(splitKey(key).name) },
    });
    const isRefused = action.kind === "create" && this.#refused.get(key) === JSON.stringify(desired);
    return isRefused ? { kind: "none" } : action;
  }

  #service(key: string): ServiceObject | undefined {
    const { namespace, name } = splitKey(key);
    return this.#options.cluster.views.services.get(namespace, name);
  }

  #sliceActions(key: string): SliceAction[] {
    const { cluster, wishes, ownership } = this.#options;
    const { services, addresses } = wishes();
    const desired = services.get(key);
    const service = this.#service(key);
    const { namespace, name } = splitKey(key);
    const slice = (type: AddressType): EndpointSliceObject | undefined =>
      cluster.views.endpointSlices.get(namespace, sliceName(name, type));
    return planSlices({
      desired,
      service: service !== undefined && isOwn(service.meta.labels, ownership.siteId) ? service : undefined,
      existing: { IPv4: slice("IPv4"), IPv6: slice("IPv6") },
      addresses: desired?.form === "headless" ? this.#memberAddresses(desired) : addresses,
      siteId: ownership.siteId,
    });
  }

  /** The addresses of the Services that stand for the pods of a headless one. */
  #memberAddresses({ namespace, members }: DesiredService): SliceAddress[] {
    const { cluster, ownership } = this.#options;
    return members.flatMap(({ service, host }): SliceAddress[] => {
      const found = cluster.views.services.get(namespace, service);
      if (found === undefined || !isOwn(found.meta.labels, ownership.siteId)) return [];
      return found.clusterIPs
        .filter((address) => address !== "None")
        .map((address) => ({ address, hostname: host }));
    });
  }

  async #carryOut(key: string, action: ServiceAction): Promise<void> {
    switch (action.kind) {
      case "none":
      case "taken":
        return;
      case "create":
        return await this.#create(key, action.desired);
      case "update":
        return await this.#update(key, action.desired);
      case "delete":
        return await this.#delete(action.existing);
    }
  }

  async #create(key: string, desired: ReadyService): Promise<void> {
    const { cluster, ownership } = this.#options;
    const { namespace, name } = desired;
    try {
      const made = await cluster.writer.create(KINDS.services, namespace, serviceObject(desired, ownership));
      this.#log.info({ namespace, service: name }, "A Service was made for a service of the network.");
      this.#tell(metaOf(made), "Normal", CREATED, `Creating service ${name}`);
    } catch (error) {
      await this.#createFailed(key, desired, error);
    }
  }

  async #createFailed(key: string, desired: ReadyService, error: unknown): Promise<void> {
    const { namespace, name } = desired;
    if (!(error instanceof ApiError)) throw error;
    const { status, message } = error.failure;
    if (status === 409) {
      const there = await this.#options.cluster.writer.get(KINDS.services, namespace, name);
      if (there === null) throw error;
      const meta = metaOf(there);
      if (!isOwn(meta.labels, this.#options.ownership.siteId)) {
        this.#noteTaken(key, [{ meta, kind: KINDS.services }]);
      }
      return;
    }
    if (status !== 400 && status !== 422) throw error;
    this.#refused.set(key, JSON.stringify(desired));
    this.#log.warn({ namespace, service: name }, `The Service cannot be made: ${message}`);
    this.#tell({ namespace, name }, "Warning", CREATED, `Error trying to create service ${name}: ${message}`);
  }

  async #update(key: string, desired: ReadyService): Promise<void> {
    const { cluster, ownership } = this.#options;
    const { namespace, name } = desired;
    const there = await cluster.writer.get(KINDS.services, namespace, name);
    if (there === null) return;
    const meta = metaOf(there);
    if (!isOwn(meta.labels, ownership.siteId)) {
      this.#noteTaken(key, [{ meta, kind: KINDS.services }]);
      return;
    }
    await unlessChanged(
      cluster.writer.update(KINDS.services, namespace, serviceObject(desired, ownership, there)),
    );
    this.#log.info({ namespace, service: name }, "A Service was brought in line with the network's service.");
  }

  async #delete({ meta }: ServiceObject): Promise<void> {
    const { namespace, name } = meta;
    await unlessChanged(this.#options.cluster.writer.delete(KINDS.services, meta));
    this.#log.info({ namespace, service: name }, "A Service was deleted: its service is gone.");
    this.#tell(meta, "Normal", DELETED, `Deleting service ${name}`);
  }

  async #carryOutSlice(action: SliceAction): Promise<void> {
    const { cluster, ownership } = this.#options;
    const { writer } = cluster;
    const kind = KINDS.endpointSlices;
    switch (action.kind) {
      case "create":
        await writer.create(kind, action.desired.namespace, sliceObject(action.desired, ownership));
        return;
      case "update": {
        const { namespace, name } = action.desired;
        const there = await writer.get(kind, namespace, name);
        if (there === null || !isOwn(metaOf(there).labels, ownership.siteId)) return;
        await unlessChanged(writer.update(kind, namespace, sliceObject(action.desired, ownership, there)));
        return;
      }
      case "delete":
        await unlessChanged(writer.delete(kind, action.existing.meta));
        return;
      case "taken":
        return;
    }
  }

  /** Tells whose objects have the names. A Service that this site offers is expected to have the service's name. */
  #noteTaken(key: string, taken: readonly Taken[]): void {
    const before = this.#told.get(key);
    if (taken.length === 0) this.#told.delete(key);
    else this.#told.set(key, new Set(taken.map(({ meta }) => meta.uid)));
    if (this.#options.wishes().services.get(key)?.isOffered === true) return;
    for (const { meta, kind } of taken) {
      if (before?.has(meta.uid) === true) continue;
      const { namespace, name } = meta;
      const why = `${article(kind)} ${kind.kind} of this name was not made by this site, and stays as it is`;
      const note = `Error trying to create service ${splitKey(key).name}: ${why}. Rename it, or offer the service under another name.`;
      this.#log.warn({ namespace, name }, note);
      this.#tell(meta, "Warning", CREATED, note, kind);
    }
  }

  #tell(
    about: Pick<Meta, "namespace" | "name"> & Partial<Meta>,
    type: "Normal" | "Warning",
    { reason, action }: typeof CREATED | typeof DELETED,
    note: string,
    kind: Kind = KINDS.services,
  ): void {
    const { namespace, name, uid, resourceVersion } = about;
    const object = {
      ...{ kind, namespace, name },
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    this.#options.cluster.events.record({ about: object, type, reason, action, note });
  }
}

/** Skupper's words for what happens to Services, which dashboards know. */
const CREATED = { reason: "ServiceControllerCreateEvent", action: "Creating" } as const;
const DELETED = { reason: "ServiceControllerDeleteEvent", action: "Deleting" } as const;

const article = ({ kind }: Kind) => (/^[AEIOU]/.test(kind) ? "an" : "a");

const keyOfMeta = ({ namespace, name }: Meta): string => serviceKey(namespace, name);

function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const SLICE = new RegExp(`^(.+)-${MANAGER}-ipv[46]$`);

/** The Service that a slice of the name {@link sliceName} belongs to. */
const serviceOfSlice = (name: string): string | null => SLICE.exec(name)?.[1] ?? null;

/** An object that changed or went meanwhile is seen by its view, and decided about again. */
async function unlessChanged(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError) || (error.failure.status !== 404 && error.failure.status !== 409)) {
      throw error;
    }
  }
}
