/** The claims of annotated Services. Only Services that changed, or whose EndpointSlices did, are looked at. */
import { KINDS } from "../api/kinds.ts";
import type { ClusterViews } from "../cluster/cluster.ts";
import { type Claim, claimOf, type ExportOptions, mayExport } from "./claim.ts";
import { ClaimTable } from "./claim-table.ts";
import { serviceSource } from "./service-source.ts";
import { SliceIndex } from "./slice-index.ts";

export interface ServiceClaimsOptions extends ExportOptions {
  readonly views: Pick<ClusterViews, "services" | "endpointSlices">;
  readonly remembered: readonly Claim[];
  /** Called when {@link ServiceClaims.review} has something to do. */
  readonly changed: () => void;
}

export class ServiceClaims {
  readonly #options: ServiceClaimsOptions;
  readonly #claims: ClaimTable;
  readonly #slices: SliceIndex;

  constructor(options: ServiceClaimsOptions) {
    this.#options = options;
    const { services, endpointSlices } = options.views;
    this.#claims = new ClaimTable(options.remembered, options.changed);
    this.#slices = new SliceIndex(endpointSlices, (keys) => this.#mark(keys));
    services.onChange((keys) => this.#mark(keys));
    this.#claims.markAll(services.list());
  }

  values(): Iterable<Claim> {
    return this.#claims.values();
  }

  /** Looks at what changed. Nothing is decided before both views are whole. */
  review(): void {
    const { services, endpointSlices } = this.#options.views;
    if (!services.synced || !endpointSlices.synced) return;
    this.#claims.review((namespace, name) => {
      const service = services.get(namespace, name);
      if (service === undefined || !mayExport(service.meta, this.#options)) return null;
      return claimOf(KINDS.services, service.meta, this.#options, () =>
        serviceSource(service, this.#slices.of(`${namespace}/${name}`)),
      );
    });
  }

  /** @param keys none when a view is whole for the first time */
  #mark(keys: readonly string[]): void {
    if (keys.length > 0) this.#claims.mark(keys);
    else this.#claims.markAll(this.#options.views.services.list());
  }
}
