/**
 * The listener ports of a cluster's connectors. The connector that leads keeps them in a ConfigMap, which every connector
 * follows.
 */
import * as z from "zod";
import { compareText } from "../../../protocol/compare-text.ts";
import type { AssignedPorts } from "../../listeners/listener-set.ts";
import type { Log } from "../../log.ts";
import type { StateStore } from "../../state/store.ts";
import { KINDS } from "../api/kinds.ts";
import type { Cluster, View } from "../cluster/cluster.ts";
import { metaOf } from "../cluster/keep.ts";
import { isOwn } from "../cluster/names.ts";
import { type BookObject, type BookPlan, bookObject, planBook } from "./book-plan.ts";
import { type PortBook, type PortRange, parseBook, portKey, sameBook } from "./port-book.ts";
import { fieldsOf } from "./service-object.ts";

/** A copy, for a start while the API server is away. */
const FILE = "listener-ports.json";
const StoredBook = z.record(z.string(), z.number().int().min(1).max(65_535));

/** Entries that an Event names. */
const SHOWN = 5;

export interface ListenerPortsOptions {
  readonly cluster: Cluster;
  readonly state: StateStore;
  readonly range: PortRange;
  /** Keys of the ports that need a listener port; null until the registry has named every service. */
  readonly needed: () => readonly string[] | null;
  /** Has {@link ListenerPorts.write} called, again after a failure. */
  readonly plan: () => void;
  /** Called after each change. */
  readonly onChange: () => void;
}

export class ListenerPorts implements AssignedPorts {
  readonly #options: ListenerPortsOptions;
  readonly #log: Log;
  #view: (View<BookObject> & { close(): void }) | undefined;
  #book: PortBook = new Map();
  #isKnown = false;
  /** What was last said of the ConfigMap: it is said once. */
  #told = "";

  constructor(options: ListenerPortsOptions) {
    this.#options = options;
    this.#log = options.cluster.log;
  }

  /** Whether the ports are known: from the cluster, or from before. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get book(): PortBook {
    return this.#book;
  }

  /** The connector's address as Services have it, so that several connectors can share a machine. */
  get host(): string {
    return this.#options.cluster.pod.address ?? "";
  }

  /** Null, too, for a connector without an address: no Service could lead there. */
  portOf(...key: Parameters<AssignedPorts["portOf"]>): number | null {
    if (this.host === "") return null;
    return this.#book.get(portKey(...key)) ?? null;
  }

  /** Takes over the copy of before, and follows the ConfigMap. */
  async start(): Promise<void> {
    const { cluster, state } = this.#options;
    this.#view = cluster.views.openOne(KINDS.configMaps, this.#name, keepBook);
    this.#view.onChange(() => this.review());
    const loss = "The listener ports are known once the API server answers.";
    const stored = await state.readOrSetAside(FILE, StoredBook, { loss, log: this.#log });
    if (stored !== null && !this.#isKnown) this.#take(new Map(Object.entries(stored)));
  }

  close(): void {
    this.#view?.close();
  }

  /** Follows the ConfigMap, and plans to write it if it lacks something. Call this when services or leadership changed. */
  review(): void {
    if (this.#view?.synced !== true) return;
    const stored = this.#stored;
    if (stored === undefined) this.#isKnown ||= true;
    else if (isOwn(stored.meta.labels, this.#options.cluster.siteId)) this.#take(parseBook(stored.data).book);
    const plan = this.#plan();
    if (plan === null) return;
    this.#tell(plan);
    if (plan.kind === "create" || plan.kind === "update") this.#options.plan();
  }

  /** Writes the ConfigMap if it lacks something. @throws ApiError */
  async write(): Promise<void> {
    const { kind, book } = this.#plan() ?? { kind: "none", book: this.#book };
    const { writer, namespace, siteId } = this.#options.cluster;
    const at = { namespace, name: this.#name, siteId };
    if (kind === "create") await writer.create(KINDS.configMaps, namespace, bookObject(book, at));
    if (kind !== "update") return;
    const there = await writer.get(KINDS.configMaps, namespace, this.#name);
    if (there === null || metaOf(there).resourceVersion !== this.#stored?.meta.resourceVersion) return;
    await writer.update(KINDS.configMaps, namespace, bookObject(book, at, there));
  }

  get #name(): string {
    return `${this.#options.cluster.name}-listeners`;
  }

  get #stored(): BookObject | undefined {
    return this.#view?.get(this.#options.cluster.namespace, this.#name);
  }

  /** Null while nothing can be decided, or is not to be by this connector. */
  #plan(): BookPlan | null {
    const { cluster, needed, range } = this.#options;
    const { services } = cluster.views;
    const keys = needed();
    if (!cluster.leadership.isLeader || this.#view?.synced !== true || keys === null) return null;
    // Every namespace has Services for all; a right may be missing in one.
    const isSeen = cluster.imports.length === 0 || cluster.imports.some((each) => services.isSynced(each));
    if (!isSeen) return null;
    const { siteId } = cluster;
    const facts = { services: services.list(), known: this.#book, needed: keys, range, siteId };
    return planBook({ stored: this.#stored, ...facts });
  }

  #take(book: PortBook): void {
    const isSame = this.#isKnown && sameBook(book, this.#book);
    this.#isKnown = true;
    if (isSame) return;
    this.#book = book;
    this.#store();
    this.#options.onChange();
  }

  #store(): void {
    const { state } = this.#options;
    const text = JSON.stringify(Object.fromEntries(this.#book));
    state.writeAtomic(FILE, text).catch((error: unknown) => {
      this.#log.warn({}, `The listener ports could not be stored: ${String(error)}`);
    });
  }

  #tell({ kind, faults, missing }: BookPlan): void {
    const { cluster, range } = this.#options;
    const told = kind === "taken" ? kind : JSON.stringify([faults, missing]);
    if (told === this.#told) return;
    this.#told = told;
    const about = { kind: KINDS.configMaps, namespace: cluster.namespace, name: this.#name };
    const warn = (reason: string, action: string, note: string): void => {
      this.#log.warn({ configMap: this.#name }, note);
      const { uid } = this.#stored?.meta ?? {};
      cluster.events.record({
        ...{ type: "Warning", reason, action, note },
        about: uid === undefined ? about : { ...about, uid },
      });
    };
    if (kind === "taken") {
      const note = `The ConfigMap ${this.#name} was not made by this site, so no listener ports are assigned. Delete it, or choose another --kubernetes-name.`;
      warn("ListenerPortsTaken", "Assigning", note);
      return;
    }
    if (faults.length > 0) {
      const note = `Entries of the ConfigMap ${this.#name} are no listener ports, and are replaced: ${shown(faults)}. Do not edit it.`;
      warn("ListenerPortsRepaired", "Repairing", note);
    }
    if (missing.length > 0) {
      const note = `The range ${range.from}-${range.to} has no listener port left for ${shown(missing)}. Widen it with --kubernetes-ports.`;
      warn("ListenerPortsExhausted", "Assigning", note);
    }
  }
}

const shown = (keys: readonly string[]): string => {
  const named = [...keys].sort(compareText).slice(0, SHOWN).join(", ");
  return keys.length > SHOWN ? `${named} and others` : named;
};

const keepBook = (object: Record<string, unknown>): BookObject => ({
  meta: metaOf(object),
  data: fieldsOf(object.data),
});
