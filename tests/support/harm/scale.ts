/**
 * The length of the chaos tests. `FAIRLEAD_CHAOS_SECONDS` is the length of the longest test: 12 in `npm test`, and 120
 * in `npm run chaos`.
 */
const seconds = Number(process.env.FAIRLEAD_CHAOS_SECONDS ?? "12");
if (!(seconds > 0)) throw new Error("FAIRLEAD_CHAOS_SECONDS is not a number of seconds.");

export const SECONDS = seconds;

/** Whether the full tests run. */
export const FULL = seconds >= 60;

/** Returns a part of the whole length, ms. */
export const lasting = (part: number): number => Math.round(seconds * part * 1000);

/** Time limit for a test that hangs, given its planned length, ms. A busy machine stays far below it. */
export const patience = (ms = 0): number => 300_000 + ms * 3;

/** Seed of random choices, printed with every failure that depends on it. */
export const SEED = Number(process.env.FAIRLEAD_CHAOS_SEED ?? "1");

/** Returns a generator of numbers in [0, 1) that depends on the seed alone (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
