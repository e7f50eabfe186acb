/** Waiting for a condition by polling, in place of guessed sleeps. */
import { setTimeout as sleep } from "node:timers/promises";

/** The machine's monotonic clock, also while a test holds time or replaces the date. */
const now = performance.now.bind(performance);

/** Probes before the deadline counts: a machine that stood still for its length has shown nothing. */
const LEAST_PROBES = 10;

export interface Patience {
  /** Deadline for a condition that never holds, ms. It is no bound on speed. The default is a minute. */
  readonly within?: number;
  /** Interval between two probes, ms. The default is a twentieth of the elapsed time, from 25 to 250. */
  readonly every?: number;
}

/**
 * Calls `probe` until it returns something other than null, undefined or false, and returns that. An error of the probe
 * counts as "not yet".
 * @throws Error that names the condition and the last error, at the deadline
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { within = 60_000, every }: Patience = {},
): Promise<T> {
  const began = now();
  let last: unknown = null;
  for (let probes = 1; ; probes++) {
    try {
      const found = await probe();
      if (found !== null && found !== undefined && found !== false) return found;
      last = null;
    } catch (thrown) {
      last = thrown;
    }
    if (now() - began >= within && probes >= LEAST_PROBES) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`Not within ${within / 1000} s: ${what}${why}.`, { cause: last });
    }
    await sleep(every ?? Math.max(25, Math.min(250, (now() - began) / 20)));
  }
}
