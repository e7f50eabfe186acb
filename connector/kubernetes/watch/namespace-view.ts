/** A view of a kind in several namespaces, or in all: one reflector for each, joined into one copy. */
import type { ApiClient } from "../api/api-client.ts";
import type { Failure } from "../api/failure.ts";
import { collectionPath, type Kind } from "../api/kinds.ts";
import { type Change, keyOf, Reflector } from "./reflector.ts";
import { type Verb, WatchLoop } from "./watch-loop.ts";

/** Hears what happens to the requests of a view. */
export interface ViewObserver {
  succeeded(verb: Verb, kind: Kind, namespace: string | undefined): void;
  failed(failure: Failure, verb: Verb, kind: Kind, namespace: string | undefined): void;
  /** A listener of the view threw. The other listeners and the watch go on. */
  threw(error: unknown, kind: Kind): void;
}

export interface NamespaceViewOptions<T> {
  readonly client: ApiClient;
  readonly kind: Kind;
  /** Null for all namespaces, and for a kind whose objects are in none. */
  readonly namespaces: readonly string[] | null;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Takes the fields that are kept. */
  readonly keep: (object: Record<string, unknown>) => T;
  readonly observer: ViewObserver;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

type Listener = (keys: readonly string[]) => void;

export class NamespaceView<T> {
  readonly #options: NamespaceViewOptions<T>;
  /** By namespace; one of no namespace where all are read. */
  readonly #reflectors = new Map<string | undefined, Reflector<T>>();
  readonly #listeners = new Set<Listener>();
  #loops: WatchLoop<T>[] = [];
  /** Reflectors whose first list was told. */
  readonly #told = new Set<Reflector<T>>();

  constructor(options: NamespaceViewOptions<T>) {
    this.#options = options;
    const { keep, random, namespaces, kind } = options;
    const single = namespaces === null || kind.isClusterScoped === true;
    for (const namespace of single ? [undefined] : new Set(namespaces)) {
      this.#reflectors.set(namespace, new Reflector({ keep, random }));
    }
  }

  get synced(): boolean {
    return [...this.#reflectors.values()].every(({ synced }) => synced);
  }

  isSynced(namespace: string): boolean {
    return this.#reflectorOf(namespace)?.synced === true;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#reflectorOf(namespace)?.get(
      keyOf({ name, namespace: namespace === "" ? undefined : namespace }),
    );
  }

  *list(): Generator<T> {
    for (const reflector of this.#reflectors.values()) {
      for (const [, value] of reflector.entries()) yield value;
    }
  }

  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Begins to list and watch. */
  start(): void {
    const { client, kind, observer, labelSelector, fieldSelector } = this.#options;
    this.#loops = [...this.#reflectors].map(
      ([namespace, reflector]) =>
        new WatchLoop({
          ...{ client, reflector, labelSelector, fieldSelector },
          path: collectionPath(kind, namespace),
          changed: (changes) => this.#changed(reflector, changes),
          failed: (failure, verb) => observer.failed(failure, verb, kind, namespace),
          succeeded: (verb) => observer.succeeded(verb, kind, namespace),
        }),
    );
  }

  /** Ends waits soon: the server answers again. */
  hurry(): void {
    for (const loop of this.#loops) loop.hurry();
  }

  /** Ends the requests. The copy stays as it is. */
  async close(): Promise<void> {
    this.#listeners.clear();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  #reflectorOf(namespace: string): Reflector<T> | undefined {
    return this.#reflectors.get(namespace) ?? this.#reflectors.get(undefined);
  }

  #changed(reflector: Reflector<T>, changes: readonly Change<T>[]): void {
    if (changes.length > 0) this.#notify(changes.map(({ key }) => key));
    if (this.#told.has(reflector) || !reflector.synced) return;
    this.#told.add(reflector);
    this.#notify([]);
  }

  #notify(keys: readonly string[]): void {
    const { observer, kind } = this.#options;
    for (const listener of this.#listeners) {
      try {
        listener(keys);
      } catch (error) {
        observer.threw(error, kind);
      }
    }
  }
}
