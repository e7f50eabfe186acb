/** The offers of this site that the network refuses, as the registry named them last. */
import { ERRORS, type ErrorCode, isErrorCode } from "../../protocol/errors.ts";
import type { RefusedOffer } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";

const FORBIDDEN: ErrorCode = "service.forbidden";

export class RefusedOffers {
  readonly #log: Log;
  readonly #onForbidden: (services: readonly string[]) => void;
  #refused: readonly RefusedOffer[] = [];

  /** `onForbidden` gets, at each replacement, the services that this site may not offer, whose streams must end. */
  constructor(log: Log, onForbidden: (services: readonly string[]) => void = () => {}) {
    this.#log = log;
    this.#onForbidden = onForbidden;
  }

  list(): readonly RefusedOffer[] {
    return this.#refused;
  }

  /** Replaces the list, and logs what is new in it. */
  replace(refused: readonly RefusedOffer[]): void {
    for (const { name, code, message } of refused) {
      if (this.#refused.some((before) => before.name === name && before.code === code)) continue;
      const action = isErrorCode(code) ? ERRORS[code].action : undefined;
      this.#log.warn({ service: name, code, action }, `The network refuses the offer: ${message}`);
    }
    for (const { name } of this.#refused) {
      if (refused.some((now) => now.name === name)) continue;
      this.#log.info({ service: name }, "The network no longer refuses the offer.");
    }
    this.#refused = refused;
    this.#onForbidden(refused.filter(({ code }) => code === FORBIDDEN).map(({ name }) => name));
  }
}
