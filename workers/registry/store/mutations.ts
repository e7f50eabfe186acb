/**
 * Caches of database contents and their invalidation. Every write through {@link Sql} names the parts that it
 * changes; cached values of these parts are dropped and read again on demand. A rollback, or a write that
 * bypasses Sql, drops everything. Caches do not outlive the object.
 */

/**
 * Cached parts of the database. A part may have keys, of which one write changes one: the site id for
 * "sites", "links" (of the joiner or issuer) and "offers", the session id for "sessions", the share for
 * "events".
 */
export type Part =
  | "network"
  | "issuers"
  | "sites"
  /** Names of sites. */
  | "names"
  /** What sites may offer. */
  | "patterns"
  | "links"
  /** The edges of the link graph: links that are not revoked, up or down. */
  | "graph"
  | "offers"
  /** Balances of services that an operator set. */
  | "balances"
  /** When absent instances lost their uplinks. */
  | "losses"
  | "sessions"
  | "events"
  /** Events that took up another one, by id. */
  | "folds"
  /** Certificates of sites, by site. */
  | "certificates"
  /** Listeners, by site. */
  | "listeners";

/** A part, or one key of a part. */
export type Change = Part | readonly [part: Part, key: string];

/** @param key null: all keys */
type Listener = (key: string | null) => void;

const ofStorage = new WeakMap<object, Mutations>();

export class Mutations {
  readonly #listeners = new Map<Part, Listener[]>();

  /** The mutations of a database, shared by all of its readers. */
  static of(storage: object): Mutations {
    const known = ofStorage.get(storage);
    if (known) return known;
    const made = new Mutations();
    ofStorage.set(storage, made);
    return made;
  }

  on(parts: readonly Part[], listener: Listener): void {
    for (const part of parts) {
      const listeners = this.#listeners.get(part) ?? [];
      this.#listeners.set(part, [...listeners, listener]);
    }
  }

  note(change: Change): void {
    const [part, key] = typeof change === "string" ? [change, null] : change;
    for (const listener of this.#listeners.get(part) ?? []) listener(key);
  }

  /** Drops everything: after a rollback, and after writes that bypass {@link Sql}. */
  noteAll(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(null);
  }
}

/** A cached value that depends on parts of the database. */
export class Memo<T> {
  readonly #read: (before: T | undefined) => T;
  #value: T | undefined;
  #isStale = true;

  /** @param read computes the value; may return the previous one, its argument, if nothing differs */
  constructor(mutations: Mutations, parts: readonly Part[], read: (before: T | undefined) => T) {
    this.#read = read;
    mutations.on(parts, () => {
      this.#isStale = true;
    });
  }

  get value(): T {
    if (this.#value === undefined || this.#isStale) {
      this.#value = this.#read(this.#value);
      this.#isStale = false;
    }
    return this.#value;
  }
}

/** Most keys in a {@link KeyedMemo}. At this number, all are dropped. */
const MAX_KEYS = 10_000;

/** Cached values by key of a part, each dropped when its key changes. */
export class KeyedMemo<T> {
  readonly #read: (key: string) => T;
  readonly #values = new Map<string, T>();

  constructor(mutations: Mutations, part: Part, read: (key: string) => T) {
    this.#read = read;
    mutations.on([part], (key) => {
      if (key === null) this.#values.clear();
      else this.#values.delete(key);
    });
  }

  get(key: string): T {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = this.#read(key);
    if (this.#values.size >= MAX_KEYS) this.#values.clear();
    this.#values.set(key, value);
    return value;
  }

  /** Stores the value of a key after a write. Call this after the write, which dropped the old value. */
  put(key: string, value: T): void {
    this.#values.set(key, value);
  }
}
