/** What this site publishes by hostnames and the network refuses, as the registry named it last. */
import { ERRORS, isErrorCode } from "../../protocol/errors.ts";
import type { RefusedIngress as Refused } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";

export class RefusedIngress {
  readonly #log: Log;
  #refused: readonly Refused[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  list(): readonly Refused[] {
    return this.#refused;
  }

  /** Replaces the list, and logs what is new in it. */
  replace(refused: readonly Refused[]): void {
    for (const { hostname, service, code, message } of refused) {
      if (this.#refused.some((before) => before.hostname === hostname && before.code === code)) continue;
      const action = isErrorCode(code) ? ERRORS[code].action : undefined;
      this.#log.warn({ service, hostname, code, action }, `The network refuses the hostname: ${message}`);
    }
    for (const { hostname, service } of this.#refused) {
      if (refused.some((now) => now.hostname === hostname)) continue;
      this.#log.info({ service, hostname }, "The network no longer refuses the hostname.");
    }
    this.#refused = refused;
  }
}
