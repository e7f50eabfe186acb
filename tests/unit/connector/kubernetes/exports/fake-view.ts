/** A view whose objects a test sets. */
import type { Meta, View } from "../../../../../connector/kubernetes/cluster/cluster.ts";

export class FakeView<T extends { readonly meta: Meta }> implements View<T> {
  readonly #objects = new Map<string, T>();
  readonly #listeners: ((keys: readonly string[]) => void)[] = [];
  isClosed = false;
  synced = false;

  isSynced(): boolean {
    return this.synced;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(): Iterable<T> {
    return this.#objects.values();
  }

  onChange(listener: (keys: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.isClosed = true;
  }

  put(...objects: readonly T[]): void {
    const keys = objects.map((object) => {
      const key = `${object.meta.namespace}/${object.meta.name}`;
      this.#objects.set(key, object);
      return key;
    });
    this.#notify(keys);
  }

  remove(namespace: string, name: string): void {
    this.#objects.delete(`${namespace}/${name}`);
    this.#notify([`${namespace}/${name}`]);
  }

  sync(): void {
    this.synced = true;
    this.#notify([]);
  }

  #notify(keys: readonly string[]): void {
    for (const listener of this.#listeners) listener(keys);
  }
}
