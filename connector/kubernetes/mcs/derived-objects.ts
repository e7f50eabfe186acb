/** The objects that belong to a Service or to a ServiceImport, found without a look at all objects. */
import type { EndpointSliceObject, ServiceObject, View } from "../cluster/cluster.ts";
import { IMPORT_LABEL, isOwn } from "../cluster/names.ts";
import { keyOf } from "./remote-exports.ts";

type Labelled = ServiceObject | EndpointSliceObject;

/** Objects by a key that they name; made anew after a change of the view. */
class Index<T extends Labelled> {
  readonly #view: View<T>;
  readonly #keyOf: (object: T) => string | undefined;
  #byKey: ReadonlyMap<string | undefined, readonly T[]> | null = null;

  constructor(view: View<T>, key: (object: T) => string | undefined) {
    this.#view = view;
    this.#keyOf = key;
    view.onChange(() => {
      this.#byKey = null;
    });
  }

  get(key: string): readonly T[] {
    this.#byKey ??= Map.groupBy(this.#view.list(), this.#keyOf);
    return this.#byKey.get(key) ?? [];
  }

  keys(): string[] {
    this.#byKey ??= Map.groupBy(this.#view.list(), this.#keyOf);
    return [...this.#byKey.keys()].filter((key) => key !== undefined);
  }
}

export class DerivedObjects {
  readonly #services: Index<ServiceObject>;
  readonly #slices: Index<EndpointSliceObject>;
  readonly #slicesOfServices: Index<EndpointSliceObject>;

  constructor(services: View<ServiceObject>, slices: View<EndpointSliceObject>, siteId: string) {
    const importOf = ({ meta }: Labelled): string | undefined => {
      const name = meta.labels[IMPORT_LABEL];
      return name === undefined || !isOwn(meta.labels, siteId) ? undefined : keyOf({ ...meta, name });
    };
    this.#services = new Index(services, importOf);
    this.#slices = new Index(slices, importOf);
    this.#slicesOfServices = new Index(slices, ({ service, meta }) =>
      service === undefined ? undefined : keyOf({ ...meta, name: service }),
    );
  }

  /** The Services that were made for a ServiceImport. */
  services(key: string): readonly ServiceObject[] {
    return this.#services.get(key);
  }

  /** The slices that were made for a ServiceImport. */
  slices(key: string): readonly EndpointSliceObject[] {
    return this.#slices.get(key);
  }

  /** The slices of a Service. */
  slicesOfService(key: string): readonly EndpointSliceObject[] {
    return this.#slicesOfServices.get(key);
  }

  /** The ServiceImports for which something was made. */
  keys(): string[] {
    return [...this.#services.keys(), ...this.#slices.keys()];
  }
}
