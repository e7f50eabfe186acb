/** Offers of this site that the network does not take, as the registry told it last. */
import { ERRORS, type ErrorCode, isErrorCode } from "../../protocol/errors.ts";
import type { RefusedOffer } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";

const FORBIDDEN: ErrorCode = "service.forbidden";

export class Refusals {
  readonly #log: Log;
  readonly #onForbidden: (services: readonly string[]) => void;
  #refused: readonly RefusedOffer[] = [];

  /** @param onForbidden told, each time, which services this site may not offer: who uses them is to be stopped */
  constructor(log: Log, onForbidden: (services: readonly string[]) => void = () => {}) {
    this.#log = log;
    this.#onForbidden = onForbidden;
  }

  list(): readonly RefusedOffer[] {
    return this.#refused;
  }

  /** Replaces what was told before; what is new in it is logged. */
  told(refused: readonly RefusedOffer[]): void {
    for (const { name, code, message } of refused) {
      if (this.#refused.some((before) => before.name === name && before.code === code)) continue;
      const action = isErrorCode(code) ? { action: ERRORS[code].action } : {};
      this.#log.warn({ service: name, code, ...action }, `the offer was refused: ${message}`);
    }
    for (const { name } of this.#refused) {
      if (refused.some((now) => now.name === name)) continue;
      this.#log.info({ service: name }, "the offer is refused no more");
    }
    this.#refused = refused;
    this.#onForbidden(refused.filter(({ code }) => code === FORBIDDEN).map(({ name }) => name));
  }
}
