/**
 * Objects with revisions, as etcd and the watch cache keep them: one revision counts all writes, each collection has a
 * bounded log of its own, and a stored object is never changed in place.
 */
import type { KubeObject } from "./object.ts";

/** A write. `before` is undefined for a creation, `after` for a deletion, which has the deletion's revision. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  /** The last state of a deleted object, with the deletion's revision. */
  readonly last: KubeObject;
}

/** Changes that a collection remembers unless a test orders fewer: the real watch cache has between 100 and 102,400. */
export const LOG_CAPACITY = 1000;

export class Storage {
  #revision = 1;
  readonly #collections = new Map<string, Collection>();

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** Makes the next revision. */
  advance(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** Returns the collection of a resource: `services`, `deployments.apps`. */
  collection(resource: string): Collection {
    let found = this.#collections.get(resource);
    if (found === undefined) {
      found = new Collection(this);
      this.#collections.set(resource, found);
    }
    return found;
  }

  /** Forgets the history of all collections: list tokens and resource versions before now are expired. */
  compact(): void {
    for (const collection of this.#collections.values()) collection.compact();
  }

  collections(): IterableIterator<[string, Collection]> {
    return this.#collections.entries();
  }
}

export class Collection {
  readonly #storage: Storage;
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  #log: Change[] = [];
  /** The log is whole after this revision. */
  #compacted = 1;
  capacity = LOG_CAPACITY;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Changes after an older revision are known. */
  get oldest(): number {
    return this.#compacted;
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  /** All objects, by key, as they are now. */
  list(): KubeObject[] {
    return sorted(this.#objects);
  }

  /** All objects, in no order. */
  values(): MapIterator<KubeObject> {
    return this.#objects.values();
  }

  /** All objects as they were at a revision, or undefined when that is forgotten. */
  listAt(revision: number): KubeObject[] | undefined {
    if (revision >= this.#storage.revision) return this.list();
    if (revision < this.#compacted) return undefined;
    const then = new Map(this.#objects);
    for (const { key, before, revision: made } of this.#log.toReversed()) {
      if (made <= revision) break;
      if (before === undefined) then.delete(key);
      else then.set(key, before);
    }
    return sorted(then);
  }

  /** The changes after a revision, or undefined when they are forgotten. */
  changesAfter(revision: number): Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    return this.#log.filter((change) => change.revision > revision);
  }

  /** Stores an object under a new revision, and returns it with that. */
  put(key: string, object: KubeObject): KubeObject {
    const before = this.#objects.get(key);
    const after = this.#withRevision(object);
    this.#objects.set(key, after);
    this.#tell({ revision: Number(after.metadata.resourceVersion), key, before, after, last: after });
    return after;
  }

  /** Removes an object, and returns its last state with the deletion's revision. */
  remove(key: string, last = this.#objects.get(key)): KubeObject | undefined {
    const before = this.#objects.get(key);
    if (before === undefined || last === undefined) return undefined;
    this.#objects.delete(key);
    const gone = this.#withRevision(last);
    this.#tell({
      revision: Number(gone.metadata.resourceVersion),
      key,
      before,
      after: undefined,
      last: gone,
    });
    return gone;
  }

  /** Tells a listener of every change from now on. Returns what ends that. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(): void {
    this.#log = [];
    this.#compacted = this.#storage.revision;
  }

  #withRevision(object: KubeObject): KubeObject {
    const stored = structuredClone(object);
    stored.metadata.resourceVersion = String(this.#storage.advance());
    return stored;
  }

  #tell(change: Change): void {
    this.#log.push(change);
    while (this.#log.length > this.capacity) this.#compacted = this.#log.shift()?.revision ?? this.#compacted;
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function sorted(objects: ReadonlyMap<string, KubeObject>): KubeObject[] {
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}
