/** The difference between this machine's clock and the edge's. */
import type { Log } from "../log.ts";

/** Least skew that is reported, ms. */
export const SKEW_THRESHOLD_MS = 10_000;

/**
 * The skew that a request reveals, ms: positive when the edge's clock is ahead, zero when the edge's time
 * lies between the request and its response. All times in ms since 1970.
 */
export function measureSkew(
  edge: number,
  { requested, answered }: { requested: number; answered: number },
): number {
  if (edge < requested) return edge - requested;
  return edge > answered ? edge - answered : 0;
}

export function isSkewed(skewMs: number | null): skewMs is number {
  return skewMs !== null && Math.abs(skewMs) >= SKEW_THRESHOLD_MS;
}

/** Keeps the last measured skew and logs when it begins and ends. */
export class ClockSkew {
  readonly #log: Log;
  #skewMs: number | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * The skew, ms: positive when the edge's clock is ahead, 0 below the threshold, null before the first
   * measurement.
   */
  get skewMs(): number | null {
    return this.#skewMs === null || isSkewed(this.#skewMs) ? this.#skewMs : 0;
  }

  /** Takes a measurement, ms. */
  set(skewMs: number): void {
    if (isSkewed(skewMs) && !isSkewed(this.#skewMs)) {
      const seconds = Math.round(Math.abs(skewMs) / 1000);
      const which = skewMs > 0 ? "behind" : "ahead of";
      this.#log.warn(
        { skewMs },
        `This machine's clock is ${seconds} s ${which} the edge's clock. Correct it.`,
      );
    } else if (!isSkewed(skewMs) && isSkewed(this.#skewMs)) {
      this.#log.info({}, "This machine's clock agrees with the edge's clock again.");
    }
    this.#skewMs = skewMs;
  }
}
