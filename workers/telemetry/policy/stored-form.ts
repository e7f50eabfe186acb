/**
 * What the object stores, as JSON texts: a period of a window, notable records, and the totals with all periods that are
 * not stored in rows of their own. Versioned: a text of another version is as good as none. Pure.
 */
import * as z from "zod";
import { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";
import { Dictionary, DictionaryDump } from "./dictionary.ts";
import { Ledger, LedgerDump, type Series } from "./ledger.ts";
import { Tally } from "./tally.ts";
import type { CountedSeries } from "./traffic-view.ts";
import { type Counts, LEVELS, type LevelName, type Period, Windows } from "./windows.ts";

/** Site, labels and values. */
const CountsDump = z.array(z.tuple([z.number(), z.number(), z.array(z.number())]));

const PeriodDump = z.object({
  level: z.enum(LEVELS.map(({ name }) => name) as [LevelName, ...LevelName[]]),
  at: z.number(),
  counts: CountsDump,
});

const WindowRow = z.object({ v: z.literal(1), dictionary: DictionaryDump, counts: CountsDump });

const Totals = z.object({
  v: z.literal(1),
  /** Since when totals count, ms since 1970. */
  since: z.number(),
  /** Names of sites, by id, as they were last known. */
  names: z.array(z.tuple([z.string(), z.string()])),
  dictionary: DictionaryDump,
  ledger: LedgerDump,
  current: z.array(PeriodDump),
  due: z.array(PeriodDump),
});

/** Everything that outlives the object's memory. */
export interface State {
  readonly since: number;
  readonly names: Map<string, string>;
  readonly ledger: Ledger;
  readonly windows: Windows;
}

function dumpCounts(counts: Counts, dictionary: Dictionary): z.infer<typeof CountsDump> {
  return [...counts].map(([{ site, key }, values]) => [
    dictionary.site(site),
    dictionary.key(key),
    values.encode(),
  ]);
}

/** A period as its row has it. */
export function formatPeriod({ counts }: Period): string {
  const dictionary = new Dictionary();
  const dumped = dumpCounts(counts, dictionary);
  return JSON.stringify({ v: 1, dictionary: dictionary.dump(), counts: dumped } satisfies z.infer<
    typeof WindowRow
  >);
}

/** What a period's row has; nothing for a row of another version. */
export function parsePeriod(text: string): (readonly [CountedSeries, Tally])[] {
  const { data } = WindowRow.safeParse(JSON.parse(text));
  if (data === undefined) return [];
  const dictionary = Dictionary.restore(data.dictionary);
  return data.counts.flatMap(([siteAt, keyAt, values]) => {
    const [site, key] = [dictionary.siteAt(siteAt), dictionary.keyAt(keyAt)];
    return site === null || key === null ? [] : [[{ site, key }, Tally.decode(values)] as const];
  });
}

export const formatRecords = (records: readonly SiteFlowRecord[]): string => JSON.stringify(records);

/** The records of a row; those of another form are left out. */
export function parseRecords(text: string): SiteFlowRecord[] {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry) => {
    const { data } = SiteFlowRecord.safeParse(entry);
    return data === undefined ? [] : [data];
  });
}

/** @param stored periods whose rows are written together with this text */
export function formatState({ since, names, ledger, windows }: State, stored: readonly Period[]): string {
  const dictionary = new Dictionary();
  const dump = (periods: readonly Period[]) =>
    periods.map(({ level, at, counts }) => ({ level, at, counts: dumpCounts(counts, dictionary) }));
  const parts = {
    ledger: ledger.dump(dictionary),
    current: dump(windows.current),
    due: dump(windows.due.filter((period) => !stored.includes(period))),
  };
  const totals: z.infer<typeof Totals> = {
    v: 1,
    since,
    names: [...names],
    dictionary: dictionary.dump(),
    ...parts,
  };
  return JSON.stringify(totals);
}

/** The state in a text; null for a text of another version. @param now ms since 1970 */
export function parseState(text: string, now: number): State | null {
  const { data } = Totals.safeParse(JSON.parse(text));
  if (data === undefined) return null;
  const dictionary = Dictionary.restore(data.dictionary);
  const ledger = Ledger.restore(data.ledger, dictionary);
  const seriesOf = (siteAt: number, keyAt: number): Series | null => {
    const [site, key] = [dictionary.siteAt(siteAt), dictionary.keyAt(keyAt)];
    if (site === null || key === null) return null;
    return ledger.find(site, key) ?? { site, key, total: new Tally() };
  };
  const periods = (dumped: readonly z.infer<typeof PeriodDump>[]): Period[] =>
    dumped.map(({ level, at, counts }) => {
      const restored: Counts = new Map();
      for (const [siteAt, keyAt, values] of counts) {
        const series = seriesOf(siteAt, keyAt);
        if (series !== null) restored.set(series, Tally.decode(values));
      }
      return { level, at, counts: restored };
    });
  const windows = new Windows(now);
  windows.restore(periods(data.current), periods(data.due));
  return { since: data.since, names: new Map(data.names), ledger, windows };
}
