/** Joins what the controllers of a cluster offer into the one list of managed services that the connector's offers take. */
import type { ManagedExposure } from "../targets/managed-exposures.ts";
import type { Offers } from "../targets/offers.ts";

/** Controllers that offer services. Where two give a name, the first one has it. */
const SOURCES = ["exports", "mcs"] as const;
export type OfferSource = (typeof SOURCES)[number];

export class ManagedOffers {
  readonly #offers: Pick<Offers, "setManaged">;
  readonly #given = new Map<OfferSource, readonly ManagedExposure[]>();

  constructor(offers: Pick<Offers, "setManaged">) {
    this.#offers = offers;
  }

  /** Replaces the services of one controller. */
  set(source: OfferSource, exposures: readonly ManagedExposure[]): void {
    this.#given.set(source, exposures);
    this.#offers.setManaged(SOURCES.flatMap((each) => this.#given.get(each) ?? []));
  }
}
