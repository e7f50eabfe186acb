/**
 * How long the chaos lasts. `FAIRLEAD_CHAOS_SECONDS` is the length of the longest test: 12 in the short run that
 * is part of every test run, 120 in the full one.
 */
const seconds = Number(process.env.FAIRLEAD_CHAOS_SECONDS ?? "12");
if (!(seconds > 0)) throw new Error("FAIRLEAD_CHAOS_SECONDS is not a number of seconds");

export const SECONDS = seconds;

/** Whether there is time for everything. */
export const FULL = seconds >= 60;

/** Part of the whole length, ms. */
export const lasting = (part: number): number => Math.round(seconds * part * 1000);

/** For a test that hangs, of which so long is meant to pass, ms: a busy machine takes its time for the rest. */
export const patience = (ms = 0): number => 300_000 + ms * 3;

/** The seed of what is random; printed with every failure that depends on it. */
export const SEED = Number(process.env.FAIRLEAD_CHAOS_SEED ?? "1");

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
