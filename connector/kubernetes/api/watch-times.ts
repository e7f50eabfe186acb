/** How long watches of an API server last. */

/** A watch ends after a random time between these, s, so that many connectors do not come back at once. */
const WATCH_TIME = { from: 300, to: 600 };

/** Silence after which a watch is given up, ms. A server sends a bookmark each minute. */
export const SILENCE = 150_000;

/** The time after which a watch is to end, in whole seconds. @param random 0 ≤ random() < 1 */
export const watchSeconds = (random: () => number): number =>
  Math.floor(WATCH_TIME.from + random() * (WATCH_TIME.to - WATCH_TIME.from));
