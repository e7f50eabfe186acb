/** Waiting for a state: the condition is looked at until it holds, never a guessed time slept. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  /** Deadline, ms: a bound for what never comes, not for how fast it is. A minute unless given. */
  readonly within?: number;
  /** Between two looks, ms. Unless given, a twentieth of the time that passed, from 25 to 250. */
  readonly every?: number;
}

/**
 * Asks `probe` until it gives something other than null, undefined or false, and returns that. What it throws
 * counts as "not yet".
 * @throws Error that says what was waited for and the last failure.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { within = 60_000, every }: Patience = {},
): Promise<T> {
  const began = Date.now();
  let last: unknown = null;
  for (;;) {
    try {
      const found = await probe();
      if (found !== null && found !== undefined && found !== false) return found;
      last = null;
    } catch (thrown) {
      last = thrown;
    }
    if (Date.now() - began >= within) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`not within ${within / 1000} s: ${what}${why}`, { cause: last });
    }
    await sleep(every ?? Math.max(25, Math.min(250, (Date.now() - began) / 20)));
  }
}
