/** Finds the EndpointSlices of a Service, which the view of slices has by their own names only. */
import type { EndpointSliceObject, View } from "../cluster/cluster.ts";
import { splitKey } from "./claim-table.ts";

export class SliceIndex {
  readonly #view: View<EndpointSliceObject>;
  /** Keys of slices by the key of their Service. */
  readonly #slices = new Map<string, Set<string>>();
  /** The key of the Service by the key of its slice. */
  readonly #services = new Map<string, string>();

  /** @param changed hears the keys of the Services whose slices changed */
  constructor(view: View<EndpointSliceObject>, changed: (services: readonly string[]) => void) {
    this.#view = view;
    for (const { meta } of view.list()) this.#index(`${meta.namespace}/${meta.name}`);
    view.onChange((keys) => changed(keys.flatMap((key) => this.#index(key))));
  }

  of(service: string): readonly EndpointSliceObject[] {
    return [...(this.#slices.get(service) ?? [])].flatMap((key) => this.#view.get(...splitKey(key)) ?? []);
  }

  /** Returns the Services that the slice was of, and is of. */
  #index(key: string): readonly string[] {
    const [namespace, name] = splitKey(key);
    const service = this.#view.get(namespace, name)?.service;
    const before = this.#services.get(key);
    const after = service === undefined ? undefined : `${namespace}/${service}`;
    if (before !== undefined && before !== after) this.#remove(before, key);
    if (after !== undefined && before !== after) this.#add(after, key);
    return [...new Set([before, after])].filter((each) => each !== undefined);
  }

  #add(service: string, key: string): void {
    const keys = this.#slices.get(service) ?? new Set();
    this.#slices.set(service, keys.add(key));
    this.#services.set(key, service);
  }

  #remove(service: string, key: string): void {
    const keys = this.#slices.get(service);
    keys?.delete(key);
    if (keys?.size === 0) this.#slices.delete(service);
    this.#services.delete(key);
  }
}
