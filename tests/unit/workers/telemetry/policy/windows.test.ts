import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ledger, type Series } from "../../../../../workers/telemetry/policy/ledger.ts";
import {
  formatPeriod,
  formatState,
  parsePeriod,
  parseState,
} from "../../../../../workers/telemetry/policy/stored-form.ts";
import { Tally } from "../../../../../workers/telemetry/policy/tally.ts";
import {
  LEVELS,
  type LevelName,
  type Period,
  STEP_MS,
  STEPS,
  Windows,
} from "../../../../../workers/telemetry/policy/windows.ts";
import { makeReport, SITES } from "../../../../support/traffic/series-report.ts";

const START = Date.UTC(2026, 10, 26, 23, 50);
const MINUTE = 60_000;

const { side, service, peer, protocol, process, target } = makeReport();
const series: Series = {
  site: SITES.west,
  key: { side, service, peer, protocol, process, target },
  total: new Tally(),
};
const bytes = (count: number): Tally => Tally.of(makeReport({ bytesToTarget: count, latency: [[2, count]] }));
const sumOf = (counts: Iterable<readonly [unknown, Tally]>) =>
  [...counts].reduce((sum, [, tally]) => sum + tally.bytesToTarget, 0);

describe("windows of time", () => {
  it("count growth in the step and in every level's period", () => {
    const windows = new Windows(START);
    windows.add(series, bytes(5), START + 12_000, 0);
    windows.add(series, bytes(7), START + 19_000, 0);
    expect([...windows.steps()].map(([at, counts]) => [at, sumOf(counts)])).toEqual([[START + 10_000, 12]]);
    expect(windows.current.map(({ level, counts }) => [level, sumOf(counts)])).toEqual(
      LEVELS.map(({ name }) => [name, 12]),
    );
  });

  it("spread what grew in a longer time over its steps, and keep the sum", () => {
    const windows = new Windows(START);
    windows.add(series, bytes(20), START + 65_000, 60_000);
    const steps = [...windows.steps()];
    expect(steps.map(([at]) => (at - START) / STEP_MS)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps.map(([, counts]) => sumOf(counts)).sort()).toEqual([3, 3, 3, 3, 4, 4]);
  });

  it("keep as many steps as they have room for", () => {
    const windows = new Windows(START);
    for (let step = 0; step < STEPS + 20; step++) windows.add(series, bytes(1), START + step * STEP_MS, 0);
    const steps = [...windows.steps()];
    expect(steps).toHaveLength(STEPS);
    expect(steps[0]?.[0]).toBe(START + 20 * STEP_MS);
    expect(windows.completeFrom).toBe(START + 20 * STEP_MS);
    const most = 1000;
    const crowded = new Windows(START, most);
    const many = Array.from({ length: most / 10 }, () => ({ ...series }));
    for (let step = 0; step < 20; step++) {
      for (const each of many) crowded.add(each, bytes(1), START + step * STEP_MS, 0);
    }
    const values = [...crowded.steps()].reduce((sum, [, counts]) => sum + counts.size, 0);
    expect(values).toBeLessThanOrEqual(most + many.length);
    expect(crowded.completeFrom).toBeGreaterThan(START);
  });

  it("let at most one longer period be stored at a time, and never the minutes wait", () => {
    const windows = new Windows(START);
    // Ten minutes before midnight: all levels end together.
    windows.add(series, bytes(1), START, 0);
    windows.add(series, bytes(2), START + 11 * MINUTE, 0);
    const stored: LevelName[][] = [];
    while (windows.due.length > 0) {
      const next = windows.nextDue();
      stored.push(next.map(({ level }) => level));
      windows.stored(next);
    }
    expect(stored).toEqual([["minute", "ten"], ["hour"], ["day"]]);
  });

  it("have in every level, stored or not, exactly what grew, whenever the object restarts", () => {
    const step = fc.record({
      after: fc.integer({ min: 0, max: 3 * 3600_000 }),
      count: fc.integer({ min: 1, max: 999 }),
      restart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = START;
        let whole = 0;
        let state = {
          since: now,
          names: new Map<string, string>(),
          ledger: new Ledger(),
          windows: new Windows(now),
        };
        const rows: Period[] = [];
        for (const { after, count, restart } of steps) {
          now += after;
          state.windows.add(series, bytes(count), now, 0);
          whole += count;
          const periods = state.windows.nextDue();
          const text = formatState(state, periods);
          rows.push(...periods);
          if (restart) state = parseState(text, now) ?? state;
          else state.windows.stored(periods);
        }
        for (const { name } of LEVELS) {
          const of = ({ level }: Period) => level === name;
          const periods = [...rows, ...state.windows.due, ...state.windows.current].filter(of);
          expect(periods.reduce((sum, { counts }) => sum + sumOf(counts), 0)).toBe(whole);
          expect(new Set(periods.map(({ at }) => at)).size).toBe(periods.length);
        }
        for (const row of rows) expect(sumOf(parsePeriod(formatPeriod(row)))).toBe(sumOf(row.counts));
      }),
      { numRuns: 60 },
    );
  });
});

describe("the stored form", () => {
  it("takes a text of another version for none", () => {
    const windows = new Windows(START);
    const state = { since: START, names: new Map(), ledger: new Ledger(), windows };
    const text = formatState(state, []).replace('"v":1', '"v":2');
    expect(parseState(text, START)).toBeNull();
  });
});
