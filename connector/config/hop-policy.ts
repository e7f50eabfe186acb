/**
 * Hop encryption as this connector's own configuration has it: which of its services it offers so (--hop), and
 * which of others' it uses so (--allow-hop). Nothing that comes from the edge adds to either.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";

/** Value of --allow-hop for every service. */
const ALL = "all";

/** Checks a value of --hop. @throws FairleadError `request.invalid` */
export function parseHop(text: string): string {
  return parse("--hop", text);
}

/** Checks a value of --allow-hop. @throws FairleadError `request.invalid` */
export function parseAllowHop(text: string): string {
  return parse("--allow-hop", text);
}

function parse(option: string, text: string): string {
  return parseWith(ServiceName, text, { code: "request.invalid", what: `${option} ${text}` });
}

export class HopRules {
  readonly #offered: ReadonlySet<string>;
  readonly #allowed: ReadonlySet<string>;

  constructor({ hop = [], allowHop = [] }: { hop?: readonly string[]; allowHop?: readonly string[] } = {}) {
    this.#offered = new Set(hop);
    this.#allowed = new Set(allowHop);
  }

  /** Whether this site offers the service, if it offers it, for hop encryption. */
  offers(service: string): boolean {
    return this.#offered.has(service);
  }

  /** Whether this site may use the service with hop encryption. */
  allows(service: string): boolean {
    return this.#allowed.has(ALL) || this.#allowed.has(service);
  }

  /** Whether it may use any. */
  get allowsAny(): boolean {
    return this.#allowed.size > 0;
  }

  /** The instances of a service that this site may use. */
  usable(service: string, offers: readonly VisibleOffer[]): readonly VisibleOffer[] {
    return this.allows(service) ? offers : offers.filter(({ encryption }) => encryption !== "hop");
  }
}

/** Why a client gets nowhere whose service is offered with hop encryption only. */
export function hopNotAllowed(service: string): FairleadError {
  return new FairleadError(
    "service.hop_not_allowed",
    `${service} is offered with hop encryption only, and this site was not started with --allow-hop ${service}`,
  );
}
