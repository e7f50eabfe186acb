/** How often connectors report, so that the object receives at most 100 reports a second. Pure. */

/** Reports a second of all connectors together. */
export const MAX_REPORTS_PER_SECOND = 100;

/** Interval of reports while somebody watches, if the number of connectors allows it, ms. */
export const WATCHED_MS = 1_000;

/** Interval while nobody watches, and that after nobody asked for {@link INTEREST_MS}, ms. */
export const UNWATCHED_MS = 10_000;
export const UNASKED_MS = 60_000;

/** How long after the last question the interval stays short, ms. */
export const INTEREST_MS = 15 * 60_000;

/** What the interval depends on. */
export interface Demand {
  readonly connectors: number;
  readonly isWatched: boolean;
  /** Time since somebody watched, queried or scraped, ms. */
  readonly unaskedMs: number;
}

/** The interval of reports of each connector, ms: whole seconds, so that it seldom changes with their number. */
export function cadence({ connectors, isWatched, unaskedMs }: Demand): number {
  const wanted = isWatched ? WATCHED_MS : unaskedMs < INTEREST_MS ? UNWATCHED_MS : UNASKED_MS;
  return Math.max(wanted, Math.ceil(connectors / MAX_REPORTS_PER_SECOND) * 1000);
}
