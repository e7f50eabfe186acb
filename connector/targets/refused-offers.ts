/** The offers of this site that the network refuses, as the registry named them last. */
import { ERRORS, type ErrorCode, isErrorCode } from "../../protocol/errors.ts";
import type { RefusedOffer } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";

const FORBIDDEN: ErrorCode = "service.forbidden";

export interface RefusedOffersOptions {
  readonly log: Log;
  /** Called at each replacement with the services that this site may not offer, whose streams must end. */
  readonly onForbidden?: (services: readonly string[]) => void;
  /** Called with the services that are refused from now on, are not any longer, or are for another reason. */
  readonly onChange?: (services: readonly string[]) => void;
}

export class RefusedOffers {
  readonly #options: RefusedOffersOptions;
  #refused: ReadonlyMap<string, RefusedOffer> = new Map();

  constructor(options: RefusedOffersOptions) {
    this.#options = options;
  }

  list(): readonly RefusedOffer[] {
    return [...this.#refused.values()];
  }

  /** Why the network refuses the offer of a service; undefined if it does not. */
  of(service: string): RefusedOffer | undefined {
    return this.#refused.get(service);
  }

  /** Replaces the list, and logs what is new in it. */
  replace(refused: readonly RefusedOffer[]): void {
    const { log, onForbidden, onChange } = this.#options;
    const before = this.#refused;
    this.#refused = new Map(refused.map((offer) => [offer.name, offer]));
    const changed: string[] = [];
    for (const { name, code, message } of this.#refused.values()) {
      if (before.get(name)?.code === code) continue;
      const action = isErrorCode(code) ? ERRORS[code].action : undefined;
      log.warn({ service: name, code, action }, `The network refuses the offer: ${message}`);
      changed.push(name);
    }
    for (const name of before.keys()) {
      if (this.#refused.has(name)) continue;
      log.info({ service: name }, "The network no longer refuses the offer.");
      changed.push(name);
    }
    onForbidden?.(refused.filter(({ code }) => code === FORBIDDEN).map(({ name }) => name));
    if (changed.length > 0) onChange?.(changed);
  }
}
