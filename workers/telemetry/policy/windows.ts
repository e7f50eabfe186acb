/**
 * Traffic over time: fine steps of the last minutes in memory, and for each level of resolution the period that is
 * counted now. A completed period waits to be stored as one row. Pure: the time is passed in.
 */
import type { Series } from "./ledger.ts";
import type { Tally } from "./tally.ts";

/** What grew in a span of time. */
export type Counts = Map<Series, Tally>;

/** Length of a fine step, and how many there are, with the current one. */
export const STEP_MS = 10_000;
export const STEPS = 90;

/** Most values in all fine steps. Beyond it the oldest steps are dropped; their minutes are in stored rows. */
export const MAX_STEP_VALUES = 150_000;

/** The levels of stored rows: the length of a period, ms, and how many are kept. The longest follow the shortest. */
export const LEVELS = [
  { name: "minute", ms: 60_000, kept: 1440 },
  { name: "ten", ms: 600_000, kept: 1008 },
  { name: "hour", ms: 3_600_000, kept: 2160 },
  { name: "day", ms: 86_400_000, kept: 90 },
] as const;
export type LevelName = (typeof LEVELS)[number]["name"];

/** A period of a level. */
export interface Period {
  readonly level: LevelName;
  /** Its start, ms since 1970. */
  readonly at: number;
  readonly counts: Counts;
}

/** The level of a name. */
export function levelOf(name: LevelName): (typeof LEVELS)[number] {
  return LEVELS.find((level) => level.name === name) ?? LEVELS[0];
}

export class Windows {
  /** By number of the step since 1970, ascending. */
  readonly #steps = new Map<number, Counts>();
  #values = 0;
  /** The step up to which this has advanced. */
  #newest = 0;
  /** Since when fine steps are complete, ms since 1970. */
  #completeFrom: number;
  readonly #current = new Map<LevelName, Period>();
  /** Completed periods that are not stored yet, oldest first. */
  #due: Period[] = [];

  readonly #most: number;

  /**
   * @param now since when this counts, ms since 1970
   * @param most values in all fine steps
   */
  constructor(now: number, most = MAX_STEP_VALUES) {
    this.#most = most;
    this.#completeFrom = now;
  }

  /** Since when the fine steps are complete, ms since 1970. */
  get completeFrom(): number {
    return this.#completeFrom;
  }

  /** Completed periods that are not stored yet. */
  get due(): readonly Period[] {
    return this.#due;
  }

  /** The periods that are counted now. */
  get current(): readonly Period[] {
    return [...this.#current.values()];
  }

  /** The fine steps with their starts, ms since 1970, oldest first. */
  *steps(): Generator<readonly [at: number, counts: Counts]> {
    for (const [step, counts] of this.#steps) yield [step * STEP_MS, counts];
  }

  /**
   * Counts what grew.
   * @param spanMs the time in which it grew, up to now; in fine steps it is spread over that time
   */
  add(series: Series, by: Tally, now: number, spanMs: number): void {
    this.advance(now);
    const step = Math.floor(now / STEP_MS);
    const parts = Math.min(6, Math.max(1, Math.round(spanMs / STEP_MS)));
    if (parts === 1) this.#addTo(this.#step(step), series, by);
    else
      for (const [part, share] of by.split(parts).entries()) {
        this.#addTo(this.#step(step - parts + 1 + part), series, share);
      }
    for (const level of LEVELS) {
      const at = startOf(now, level.ms);
      let period = this.#current.get(level.name);
      if (period === undefined) {
        period = { level: level.name, at, counts: new Map() };
        this.#current.set(level.name, period);
      }
      addCount(period.counts, series, by);
    }
  }

  #step(step: number): Counts {
    const known = this.#steps.get(step);
    if (known !== undefined) return known;
    const made: Counts = new Map();
    const newest = [...this.#steps.keys()].at(-1);
    this.#steps.set(step, made);
    // A step before the newest one, which spread growth reaches: keeps the order.
    if (newest !== undefined && step < newest) {
      const sorted = [...this.#steps].sort(([left], [right]) => left - right);
      this.#steps.clear();
      for (const [at, counts] of sorted) this.#steps.set(at, counts);
    }
    return made;
  }

  #addTo(counts: Counts, series: Series, by: Tally): void {
    if (addCount(counts, series, by)) this.#values += 1;
  }

  /** Completes the periods that are over, and drops fine steps that are too old or too many. */
  advance(now: number): void {
    const newest = Math.floor(now / STEP_MS);
    if (newest === this.#newest && this.#values <= this.#most) return;
    this.#newest = newest;
    const oldest = newest - STEPS + 1;
    for (const [step, counts] of this.#steps) {
      if (step >= oldest && this.#values <= this.#most) break;
      this.#steps.delete(step);
      this.#values -= counts.size;
      this.#completeFrom = Math.max(this.#completeFrom, (step + 1) * STEP_MS);
    }
    for (const { name, ms } of LEVELS) {
      const period = this.#current.get(name);
      if (period === undefined || period.at === startOf(now, ms)) continue;
      this.#current.delete(name);
      this.#due.push(period);
    }
  }

  /**
   * The completed periods that are to be stored next: all minutes, and one of the longer periods, so that no minute
   * writes many rows.
   */
  nextDue(): Period[] {
    const longer = this.#due.find(({ level }) => level !== "minute");
    return this.#due.filter((period) => period.level === "minute" || period === longer);
  }

  /** Notes that periods are stored. */
  stored(periods: readonly Period[]): void {
    this.#due = this.#due.filter((period) => !periods.includes(period));
  }

  /** Restores periods that were stored with the totals. */
  restore(current: readonly Period[], due: readonly Period[]): void {
    for (const period of current) this.#current.set(period.level, period);
    this.#due = [...due];
  }
}

/** The start of the period that a time is in, ms since 1970. */
export const startOf = (time: number, ms: number): number => Math.floor(time / ms) * ms;

/** Adds to the counts of a series. Returns whether it is new in them. */
function addCount(counts: Counts, series: Series, by: Tally): boolean {
  const known = counts.get(series);
  if (known !== undefined) {
    known.add(by);
    return false;
  }
  counts.set(series, by.copy());
  return true;
}
