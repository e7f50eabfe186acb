/** How far this machine's clock is from the edge's. */
import type { Log } from "../log.ts";

/** From here on it is worth telling somebody, ms. */
export const SKEW_MS = 10_000;

/**
 * How much the edge's clock is ahead of ours, ms; negative when it is behind, zero while it lies between our asking
 * and its answer. All times in ms since 1970.
 */
export function clockSkew(edge: number, { asked, answered }: { asked: number; answered: number }): number {
  if (edge < asked) return edge - asked;
  return edge > answered ? edge - answered : 0;
}

export function isSkewed(skewMs: number | null): skewMs is number {
  return skewMs !== null && Math.abs(skewMs) >= SKEW_MS;
}

/** What the uplinks have told about the clock. */
export class ClockWatch {
  readonly #log: Log;
  #skewMs: number | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  /** How much the edge's clock is ahead, ms; 0 where that does not matter, null while it is not known. */
  get skewMs(): number | null {
    return this.#skewMs === null || isSkewed(this.#skewMs) ? this.#skewMs : 0;
  }

  /** Takes a measurement; logs it once, until the clock is right again. */
  note(skewMs: number): void {
    if (isSkewed(skewMs) && !isSkewed(this.#skewMs)) {
      const seconds = Math.round(Math.abs(skewMs) / 1000);
      const which = skewMs > 0 ? "behind" : "ahead of";
      this.#log.warn({ skewMs }, `this machine's clock is ${seconds} s ${which} the edge's: correct it`);
    } else if (!isSkewed(skewMs) && isSkewed(this.#skewMs)) {
      this.#log.info({}, "this machine's clock agrees with the edge's again");
    }
    this.#skewMs = skewMs;
  }
}
