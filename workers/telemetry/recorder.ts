/**
 * The recorder: what the object knows of the network's traffic, in memory and stored. Reports change the memory; the
 * alarm stores it once a minute. While something is not stored, a timer keeps the object awake, since the memory of an
 * object that hibernates is lost while its connections are not.
 */
import { type FlowPage, type FlowQuery, type Traffic, WINDOWS } from "../../protocol/api/traffic.ts";
import { matchesNetworkFlow, parseFlowFilter } from "../../protocol/telemetry/flow-filter.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { SeriesReport } from "../../protocol/telemetry/series.ts";
import { compress, decompress } from "./compression.ts";
import { fairCounts } from "./policy/fair-counts.ts";
import { type Growth, Ledger } from "./policy/ledger.ts";
import { NotableRecords } from "./policy/notable.ts";
import {
  formatPeriod,
  formatRecords,
  formatState,
  parsePeriod,
  parseRecords,
  parseState,
  type State,
} from "./policy/stored-form.ts";
import type { Tally } from "./policy/tally.ts";
import type { CountedSeries, SiteNames, TrafficView } from "./policy/traffic-view.ts";
import { type LevelName, levelOf, type Period, STEP_MS, startOf, Windows } from "./policy/windows.ts";
import { MAX_BLOB, type StoredPeriod, TelemetryStore } from "./store.ts";

/** A series, and what it counted in a span of time. */
type Counted = readonly [CountedSeries, Tally];

/** The level whose rows have the steps of a window; for the shortest, those before the fine steps. */
const LEVEL_OF: Readonly<Record<keyof typeof WINDOWS, LevelName>> = {
  "15m": "minute",
  "1h": "minute",
  "24h": "ten",
  "7d": "hour",
  "90d": "day",
};

/** Interval of storing, ms. */
const STORE_MS = 60_000;

/** Interval in which the timer that keeps the object awake is set again, ms. */
const AWAKE_MS = 3 * STORE_MS;

/** How far back kept records reach, ms. */
const RECORDS_MS = 24 * 3600_000;

/** Names of sites from which on those of removed sites without series are dropped. */
const MAX_NAMES = 5_000;

/** Most records that a query reads, so that an answer stays small. */
const MAX_READ_RECORDS = 20_000;

export class Recorder implements SiteNames {
  readonly #storage: DurableObjectStorage;
  readonly #store: TelemetryStore;
  #state: State | null = null;
  #notable = new NotableRecords();
  /** Records of minutes that are not stored yet, by the start of the minute. */
  #records = new Map<number, readonly SiteFlowRecord[]>();
  /** Grows with every change that is to be stored. */
  #changes = 0;
  #storedChanges = 0;
  /** Grows whenever rows were written. */
  #writes = 0;
  #alarmAt: number | null = null;
  #awake: ReturnType<typeof setTimeout> | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#store = new TelemetryStore(storage);
  }

  /** Loads what is stored. @param now ms since 1970 */
  async load(now: number): Promise<void> {
    this.#alarmAt = await this.#storage.getAlarm();
    const stored = this.#store.readTotals();
    this.#state = stored === null ? null : parseState(await decompress(stored), now);
  }

  /** Whether something is not stored yet. */
  get isDirty(): boolean {
    return this.#changes !== this.#storedChanges;
  }

  /** Whether an alarm is set. */
  get hasAlarm(): boolean {
    return this.#alarmAt !== null;
  }

  #require(now: number): State {
    this.#state ??= { since: now, names: new Map(), ledger: new Ledger(), windows: new Windows(now) };
    return this.#state;
  }

  // ---- Reports

  /** Notes the hello of a process. */
  begin(
    reporter: { readonly site: string; readonly boot: string; readonly name: string },
    now: number,
    isConnected: (boot: string) => boolean,
  ): void {
    const { names, ledger } = this.#require(now);
    names.set(reporter.site, reporter.name);
    ledger.begin(reporter, now, isConnected);
  }

  /**
   * Counts a report.
   * @param spanMs the time since the process reported before, at most the interval of reports
   * @returns what grew
   */
  report(
    process: { readonly site: string; readonly boot: string },
    series: readonly SeriesReport[],
    now: number,
    spanMs: number,
  ): Growth[] {
    const { ledger, windows } = this.#require(now);
    const grown = ledger.report(process, series, now);
    if (grown.length > 0) this.#completeMinute(now);
    for (const { series: grew, by } of grown) windows.add(grew, by, now, spanMs);
    if (grown.length > 0) this.#noteChange(now);
    return grown;
  }

  /** Notes that a site was removed: see {@link Ledger.remove}. */
  removeSite(site: string, now: number): void {
    const state = this.#state;
    if (state === null) return;
    if (state.ledger.remove(site)) this.#noteChange(now);
    if (state.names.size <= MAX_NAMES) return;
    for (const id of state.names.keys()) {
      if (!state.ledger.has(id) && !this.#currentNames.has(id)) state.names.delete(id);
    }
  }

  addNotable(records: readonly SiteFlowRecord[], now: number): void {
    if (records.length === 0) return;
    this.#completeMinute(now);
    this.#notable.add(records);
    this.#noteChange(now);
  }

  #minute = 0;

  /** Puts the records of the last minute aside when another one has begun. */
  #completeMinute(now: number): void {
    const minute = startOf(now, STORE_MS);
    if (minute === this.#minute) return;
    const records = this.#notable.take();
    if (records.length > 0) this.#records.set(this.#minute, records);
    this.#minute = minute;
  }

  #noteChange(now: number): void {
    this.#changes += 1;
    if (this.#alarmAt === null) this.#setAlarm(startOf(now, STORE_MS) + STORE_MS);
    this.#stayAwake();
  }

  #stayAwake(): void {
    this.#awake ??= setTimeout(() => {
      this.#awake = null;
      if (this.isDirty) this.#stayAwake();
    }, AWAKE_MS);
  }

  #fallAsleep(): void {
    if (this.#awake !== null) clearTimeout(this.#awake);
    this.#awake = null;
  }

  #setAlarm(at: number): void {
    this.#alarmAt = at;
    void this.#storage.setAlarm(at);
  }

  // ---- Storing

  /** Stores what is not stored. Called by the alarm. Sets the next alarm if something is left. */
  async save(now: number): Promise<void> {
    this.#alarmAt = null;
    const state = this.#state;
    if (state === null) return;
    const { windows } = state;
    windows.advance(now);
    this.#completeMinute(now);
    const changes = this.#changes;
    const periods = windows.nextDue();
    const records = new Map(this.#records);
    const texts = periods.map((period) => [period, formatPeriod(period)] as const);
    const totals = formatState(state, periods);
    const rows: StoredPeriod[] = [];
    for (const [period, text] of texts) {
      const ofMinute = period.level === "minute" ? records.get(period.at) : undefined;
      rows.push(await formatRow(period, text, ofMinute));
    }
    this.#store.write(await compress(totals), rows, now);
    windows.stored(periods);
    for (const at of records.keys()) this.#records.delete(at);
    this.#writes += 1;
    this.#storedChanges = changes;
    // The minute that is counted now, and longer periods that wait for their turn.
    if (this.isDirty || windows.due.length > 0 || windows.current.some(({ level }) => level === "minute")) {
      this.#setAlarm(startOf(now, STORE_MS) + STORE_MS);
      return;
    }
    this.#fallAsleep();
  }

  /** Forgets everything, in memory and stored. */
  async destroy(): Promise<void> {
    this.#state = null;
    this.#notable = new NotableRecords();
    this.#records.clear();
    this.#storedChanges = this.#changes;
    this.#alarmAt = null;
    this.#fallAsleep();
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
    this.#store.forget();
  }

  // ---- Names

  nameOf(id: string): string | null {
    return this.#state?.names.get(id) ?? null;
  }

  countsTargets(site: string, service: string): boolean {
    return this.#countingTargets().has(`${site} ${service}`);
  }

  /** The sites that the registry named last. */
  #currentNames: ReadonlySet<string> = new Set();

  #targets: { readonly size: number; readonly found: ReadonlySet<string> } | null = null;

  /** Sites and services with series of the target's side, looked up again when there are more series. */
  #countingTargets(): ReadonlySet<string> {
    const size = this.#state?.ledger.size ?? 0;
    if (this.#targets?.size === size) return this.#targets.found;
    const found = new Set<string>();
    for (const { site, key } of this.#state?.ledger.all() ?? []) {
      if (key.side === "target") found.add(`${site} ${key.service}`);
    }
    this.#targets = { size, found };
    return found;
  }

  /** Takes over current names of sites. Returns whether one changed. */
  rename(names: readonly (readonly [id: string, name: string])[]): boolean {
    const known = this.#state?.names;
    this.#currentNames = new Set(names.map(([id]) => id));
    let changed = false;
    for (const [id, name] of names) {
      if (known === undefined || known.get(id) === name) continue;
      known.set(id, name);
      changed = true;
    }
    return changed;
  }

  // ---- Answers

  /** Since when totals count, ms since 1970. */
  since(now: number): number {
    return this.#state?.since ?? now;
  }

  /** All series with what they counted in all. */
  *series(): Generator<{ readonly site: string; readonly values: SeriesReport }> {
    for (const { site, key, total } of this.#state?.ledger.all() ?? []) {
      yield { site, values: { ...key, ...total.values() } };
    }
  }

  /** Fills an empty view. What grows after it returned is to be added by the caller. @param now ms since 1970 */
  async fill(view: TrafficView, now: number): Promise<void> {
    let rows: Map<number, readonly Counted[]>;
    let writes: number;
    // A period that was stored in the meantime is in neither place.
    do {
      writes = this.#writes;
      rows = await this.#readRows(view);
    } while (writes !== this.#writes);
    const state = this.#state;
    if (state === null) return;
    view.advance(now);
    for (const series of state.ledger.all()) view.addTotal(series, series.total);
    const level = LEVEL_OF[view.query.window];
    const isFine = view.stepMs === STEP_MS;
    const fineFrom = isFine
      ? startOf(state.windows.completeFrom, levelOf(level).ms)
      : Number.POSITIVE_INFINITY;
    const unstored = [...state.windows.due, ...state.windows.current].filter(
      (period) => period.level === level,
    );
    const periods: (readonly [at: number, counts: Iterable<Counted>])[] = [
      ...rows,
      ...unstored.map(({ at, counts }) => [at, counts] as const),
    ];
    for (const [at, counts] of periods) {
      if (at >= fineFrom) continue;
      for (const [series, values] of counts) {
        if (!isFine) view.addAt(series, at, values);
        else
          for (const [part, share] of values.split(6).entries())
            view.addAt(series, at + part * STEP_MS, share);
      }
    }
    if (!isFine) return;
    for (const [at, counts] of state.windows.steps()) {
      for (const [series, values] of counts) if (at >= fineFrom) view.addAt(series, at, values);
    }
  }

  async #readRows(view: TrafficView): Promise<Map<number, readonly Counted[]>> {
    const level = LEVEL_OF[view.query.window];
    const until = view.from + WINDOWS[view.query.window].seconds * 1000;
    const rows = new Map<number, readonly Counted[]>();
    const from = startOf(view.from, levelOf(level).ms);
    for (const { at, counts } of [...this.#store.readPeriods(level, from, until)]) {
      rows.set(at, parsePeriod(await decompress(Uint8Array.from(counts))));
    }
    return rows;
  }

  /** An answer from a filled view. @param reporters sites that report now */
  describe(view: TrafficView, now: number, reporters: Traffic["reporters"]): Traffic {
    return {
      at: timestamp(now),
      from: timestamp(view.from),
      stepSeconds: view.stepMs / 1000,
      since: timestamp(this.since(now)),
      groups: view.groups(),
      reporters,
    };
  }

  /** Kept records, the newest that match, oldest first. @throws FairleadError request.invalid */
  async flows({ filter, since, limit }: FlowQuery, now: number): Promise<FlowPage> {
    const terms = parseFlowFilter(filter ?? "");
    const oldest = Math.max(now - RECORDS_MS, since === undefined ? 0 : Date.parse(since));
    const found: SiteFlowRecord[] = [];
    let read = 0;
    const take = (records: readonly SiteFlowRecord[]) => {
      read += records.length;
      found.push(...records.filter((record) => record.at >= oldest && matchesNetworkFlow(terms, record)));
    };
    take(this.#notable.records);
    for (const records of this.#records.values()) take(records);
    // A stream may have begun long before the minute in which it was reported.
    const rows = [...this.#store.readPeriods("minute", now - RECORDS_MS, now)].reverse();
    for (const { at, records } of rows) {
      if (found.length > limit || read > MAX_READ_RECORDS || at + STORE_MS < oldest) break;
      if (records !== null) take(parseRecords(await decompress(Uint8Array.from(records))));
    }
    found.sort((left, right) => left.at - right.at);
    return { flows: found.slice(-limit), more: found.length > limit };
  }
}

/** The row of a period. One that is too long has less of the sites that make it long, and then no records. */
async function formatRow(
  { level, at, counts }: Period,
  text: string,
  records: readonly SiteFlowRecord[] | undefined,
): Promise<StoredPeriod> {
  const packed = records === undefined ? null : await compress(formatRecords(records));
  const room = MAX_BLOB - (packed?.byteLength ?? 0);
  let row = await compress(text);
  if (row.byteLength > room) {
    const most = Math.max(MAX_BLOB / 2, room) * 0.9;
    row = await compress(formatPeriod({ level, at, counts: fairCounts(counts, most) }));
  }
  return { level, at, counts: row, records: row.byteLength > room ? null : packed };
}

const timestamp = (ms: number): string => new Date(ms).toISOString();
