/**
 * What is kept in memory of the database, and how it learns that it no longer holds. Every write through {@link Sql}
 * names the parts that it changes; whatever was read of a part is dropped then, and read again when it is next needed.
 * After a rollback, and after writes around Sql, everything is dropped. Nothing here outlives the object.
 */

/**
 * Parts of the database by what is kept of them. Each may have keys, of which one write changes one: the ids of sites
 * for "sites", "links" (those that a site joined by or issued) and "offers", the session for "sessions", the share for
 * "events".
 */
export type Part =
  | "network"
  | "sites"
  /** Names of sites. */
  | "names"
  /** What sites may offer. */
  | "patterns"
  | "links"
  /** Which links connect which sites: not while they are up, but while nothing was revoked. */
  | "graph"
  | "offers"
  /** Since when the instances that offer are away. */
  | "losses"
  | "sessions"
  | "events";

/** A part, or one key of it. */
export type Change = Part | readonly [part: Part, key: string];

/** @param key null: all keys */
type Listener = (key: string | null) => void;

const ofStorage = new WeakMap<object, Mutations>();

export class Mutations {
  readonly #listeners = new Map<Part, Listener[]>();

  /** Those of a database: shared by all who read it. */
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

  /** Nothing that was read still holds: after a rollback, and after writes around {@link Sql}. */
  noteAll(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(null);
  }
}

/** A value made of parts of the database, kept until one of them changes. */
export class Memo<T> {
  readonly #read: (before: T | undefined) => T;
  #value: T | undefined;
  #isStale = true;

  /** @param read makes the value; given the one before, which it may give back where nothing differs */
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

/** Most keys that a {@link KeyedMemo} keeps before it forgets all of them. */
const MAX_KEYS = 10_000;

/** Values of the keys of a part, each kept until its key changes. */
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

  /** Keeps what a write made of a key's value. To be called after the write. */
  put(key: string, value: T): void {
    this.#values.set(key, value);
  }
}
