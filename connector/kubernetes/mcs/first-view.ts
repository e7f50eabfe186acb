/** A view of a kind in whichever of its versions the server has. */
import type { Kind } from "../api/kinds.ts";
import type { ClusterViews, View } from "../cluster/cluster.ts";

type Closable<T> = View<T> & { close(): void };

export class FirstView<T> implements View<T> {
  readonly #listeners: ((keys: readonly string[]) => void)[] = [];
  #open: readonly { readonly kind: Kind; readonly view: Closable<T> }[];

  /** @param kinds the versions, the preferred one first. Those that are missing are asked for again until one is there */
  constructor(views: ClusterViews, kinds: readonly Kind[], keep: (object: Record<string, unknown>) => T) {
    this.#open = kinds.map((kind) => ({ kind, view: views.open(kind, keep) }));
    for (const { kind, view } of this.#open) view.onChange((keys) => this.#changed(kind, keys));
  }

  /** The version that is there; null while none is. */
  get kind(): Kind | null {
    return this.#first?.kind ?? null;
  }

  get synced(): boolean {
    return this.#first !== undefined;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#first?.view.get(namespace, name);
  }

  list(): Iterable<T> {
    return this.#first?.view.list() ?? [];
  }

  onChange(listener: (keys: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    for (const { view } of this.#open) view.close();
  }

  get #first() {
    return this.#open.find(({ view }) => view.synced);
  }

  /** Once a version is there, the others say the same. */
  #changed(kind: Kind, keys: readonly string[]): void {
    const first = this.#first;
    if (first === undefined || first.kind !== kind) return;
    for (const { view } of this.#open) if (view !== first.view) view.close();
    this.#open = [first];
    for (const listener of this.#listeners) listener(keys);
  }
}
