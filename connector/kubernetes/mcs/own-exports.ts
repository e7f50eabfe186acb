/** The ServiceExports of this cluster, and what each comes to. It is found anew for what has changed alone. */
import { isDeepStrictEqual } from "node:util";
import type { ManagedExposure } from "../../targets/managed-exposures.ts";
import type { ServiceObject, View } from "../cluster/cluster.ts";
import type { DerivedObjects } from "./derived-objects.ts";
import type { ServiceExportObject } from "./objects.ts";
import { evaluateExport, type InvalidExport, type ValidExport } from "./own-export.ts";
import { keyOf } from "./remote-exports.ts";

export interface OwnExport {
  readonly exported: ServiceExportObject;
  readonly outcome: InvalidExport | ValidExport;
}

export interface OwnExportSources {
  readonly exports: View<ServiceExportObject>;
  readonly services: View<ServiceObject>;
  readonly objects: Pick<DerivedObjects, "slicesOfService">;
  /** Whether the exports, Services and slices of a namespace are known. */
  readonly isKnown: (namespace: string) => boolean;
  readonly siteId: string;
  readonly siteName: () => string;
}

export class OwnExports {
  readonly #sources: OwnExportSources;
  #byKey: ReadonlyMap<string, OwnExport> = new Map();
  /** What was offered before the start, for namespaces that are not known yet. */
  #remembered: readonly ManagedExposure[] = [];
  #hasChanged = false;

  constructor(sources: OwnExportSources) {
    this.#sources = sources;
  }

  get(key: string): OwnExport | undefined {
    return this.#byKey.get(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** Goes on with what was offered before the start, until the exports of its namespace are known. */
  remember(exposures: readonly ManagedExposure[]): void {
    this.#remembered = exposures;
    this.#hasChanged = true;
  }

  /** Whether something is offered only because it was before the start. */
  get isRemembered(): boolean {
    return this.#remembered.length > 0;
  }

  /** What is offered for all of them; an exposure that stays as it is stays the same object. */
  exposures(): ManagedExposure[] {
    const found = [...this.#byKey.values()].flatMap(({ outcome }) =>
      "exposures" in outcome ? outcome.exposures : [],
    );
    return [...found, ...this.#remembered];
  }

  /**
   * Looks at the exports of some namespaces again. Returns whether what is offered may have changed.
   * @param isStale whether a namespace may have changed
   */
  update(isStale: (namespace: string) => boolean): boolean {
    const { exports, isKnown } = this.#sources;
    const next = new Map<string, OwnExport>();
    let hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    const remembered = this.#remembered.filter(({ export: details }) => !isKnown(details?.namespace ?? ""));
    hasChanged ||= remembered.length < this.#remembered.length;
    this.#remembered = remembered;
    for (const exported of exports.list()) {
      const { namespace, deletionTimestamp } = exported.meta;
      if (!isKnown(namespace) || deletionTimestamp !== undefined) continue;
      const key = keyOf(exported.meta);
      const known = this.#byKey.get(key);
      const found = known === undefined || isStale(namespace) ? this.#evaluate(exported, known) : known;
      hasChanged ||= found.outcome !== known?.outcome;
      next.set(key, found);
    }
    hasChanged ||= next.size !== this.#byKey.size;
    this.#byKey = next;
    return hasChanged;
  }

  #evaluate(exported: ServiceExportObject, known: OwnExport | undefined): OwnExport {
    const { services, objects, siteId, siteName } = this.#sources;
    const { namespace, name } = exported.meta;
    const outcome = evaluateExport(
      exported,
      services.get(namespace, name),
      objects.slicesOfService(keyOf(exported.meta)),
      { siteId, siteName: siteName() },
    );
    const isSame = known !== undefined && isDeepStrictEqual(known.outcome, outcome);
    return { exported, outcome: isSame ? known.outcome : outcome };
  }
}
