/** A view of a kind in whichever of its versions the server has. */
import type { Kind } from "../api/kinds.ts";
import type { ClusterViews, View } from "../cluster/cluster.ts";

type Closable<T> = View<T> & { close(): void };

export class FirstView<T> implements View<T> {
  readonly #listeners: ((keys: readonly string[]) => void)[] = [];
  readonly #opened: readonly { readonly kind: Kind; readonly view: Closable<T> }[];
  /** Versions that were missing, or forbidden, when they were asked for. */
  readonly #failed = new Set<Kind>();
  /** The version that answered first. The others say the same. */
  #first: { readonly kind: Kind; readonly view: Closable<T> } | undefined;

  /** @param kinds the versions, the preferred one first. Those that are missing are asked for again until one is there */
  constructor(views: ClusterViews, kinds: readonly Kind[], keep: (object: Record<string, unknown>) => T) {
    this.#opened = kinds.map((kind) => ({
      kind,
      view: views.open(kind, keep, (status) => this.#refused(kind, status)),
    }));
    for (const each of this.#opened) each.view.onChange((keys) => this.#changed(each, keys));
  }

  /** The version that is there; null while none is. */
  get kind(): Kind | null {
    return this.#first?.kind ?? null;
  }

  /** Whether the server has answered that no version can be read. One may be there later. */
  get isRefused(): boolean {
    return this.#first === undefined && this.#failed.size === this.#opened.length;
  }

  get synced(): boolean {
    return this.#first?.view.synced ?? false;
  }

  isSynced(namespace: string): boolean {
    return this.#first?.view.isSynced(namespace) ?? false;
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
    for (const { view } of this.#opened) view.close();
  }

  #refused(kind: Kind, status: number | null): void {
    if (status === null) return;
    this.#failed.add(kind);
    if (this.isRefused) for (const listener of this.#listeners) listener([]);
  }

  #changed(opened: { readonly kind: Kind; readonly view: Closable<T> }, keys: readonly string[]): void {
    if (this.#first === undefined) {
      this.#first = opened;
      for (const { view } of this.#opened) if (view !== opened.view) view.close();
    }
    if (this.#first !== opened) return;
    for (const listener of this.#listeners) listener(keys);
  }
}
