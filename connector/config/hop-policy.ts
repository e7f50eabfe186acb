/**
 * The services that a site offers (`--hop`) and uses (`--allow-hop`) with hop encryption.
 * Only the connector's own configuration decides; the edge cannot add to either.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";

/** Value of `--allow-hop` for every service. */
const ALL = "all";

/** Parses a value of `--hop` or `--allow-hop`. @throws FairleadError `request.invalid`. */
export function parseHop(text: string): string {
  return parseWith(ServiceName, text, { code: "request.invalid", what: `"${text}"` });
}

/** Names of services. */
export interface HopServices {
  /** Offered by this site. */
  readonly hop?: readonly string[];
  /** Used by this site; "all" stands for every service. */
  readonly allowHop?: readonly string[];
}

export class HopPolicy {
  #offered: ReadonlySet<string> = new Set();
  #allowed: ReadonlySet<string> = new Set();

  constructor(services: HopServices = {}) {
    this.set(services);
  }

  /** Replaces the policy, for streams that are opened from now on. */
  set({ hop = [], allowHop = [] }: HopServices): void {
    this.#offered = new Set(hop);
    this.#allowed = new Set(allowHop);
  }

  /** Whether this site's offer of the service, if there is one, is for hop encryption. */
  offers(service: string): boolean {
    return this.#offered.has(service);
  }

  /** Whether this site may use the service with hop encryption. */
  allows(service: string): boolean {
    return this.#allowed.has(ALL) || this.#allowed.has(service);
  }

  /** Whether this site may use any service with hop encryption. */
  get allowsAny(): boolean {
    return this.#allowed.size > 0;
  }

  /** The instances of a service that this site may use. */
  usable(service: string, offers: readonly VisibleOffer[]): readonly VisibleOffer[] {
    return this.allows(service) ? offers : offers.filter(({ encryption }) => encryption !== "hop");
  }
}

/** The error of a client whose service is offered with hop encryption only, which this site does not allow. */
export function hopNotAllowed(service: string): FairleadError {
  return new FairleadError(
    "service.hop_not_allowed",
    `${service} is offered with hop encryption only, which this site does not allow (--allow-hop ${service}).`,
  );
}
