/**
 * The ledger of a network: what every series counted in all, and the last values that each process of a connector
 * reported. Reports are cumulative since the start of the process, so only what exceeds the last values is added: a
 * report that is lost or comes twice changes nothing. Pure.
 */
import * as z from "zod";
import { OTHER, type SeriesKey, type SeriesReport, seriesId } from "../../../protocol/telemetry/series.ts";
import type { Dictionary } from "./dictionary.ts";
import { Tally } from "./tally.ts";

/** Most series of a network, and of a site. Labels beyond these are counted under {@link OTHER}. */
export const MAX_NETWORK_SERIES = 30_000;
export const MAX_SITE_SERIES = 2_000;

/** Most series of one process. A connector keeps to 500 and a few under {@link OTHER}. */
export const MAX_BOOT_SERIES = 700;

/** Most last values of a network, over all processes. Further series of a process are not counted. */
export const MAX_READINGS = 60_000;

/** Most characters of the labels of last values, of a network and of a site. Further series are not counted. */
export const MAX_NETWORK_LABELS = 16_000_000;
export const MAX_SITE_LABELS = 4_000_000;

/** Series, and last values of them, that a site may always have, whatever the other sites of the network have. */
export const SITE_FLOOR = 100;

/** Most processes of a site that are remembered, and for how long after their last report, ms. */
export const MAX_BOOTS = 50;
export const BOOT_MEMORY_MS = 30 * 24 * 3600_000;

/** Most processes that are remembered as forgotten, of a network and of a site: one that returns counts once. */
const MAX_FORGOTTEN = 2_000;
export const MAX_SITE_FORGOTTEN = 200;

/** Most removed sites whose series are kept. */
export const MAX_REMOVED = 300;

/** For this time after its hello, the reports of a forgotten process that returned count nothing, ms. */
const RETURN_MS = 10_000;

/** A series of a site, with what it counted in all. */
export interface Series {
  readonly site: string;
  readonly key: SeriesKey;
  readonly total: Tally;
}

/** What a report added to a series. */
export interface Growth {
  readonly series: Series;
  readonly by: Tally;
}

/** The last values that a process reported for labels, and the series that they are counted in. */
interface Reading {
  readonly series: Series;
  readonly key: SeriesKey;
  readonly tally: Tally;
}

/** A process of a connector. */
interface Boot {
  readonly site: string;
  readonly boot: string;
  readonly readings: Map<string, Reading>;
  /** ms since 1970 */
  seenAt: number;
  /** Until then, ms since 1970, new labels are taken as counted; 0 for a process that was never forgotten. */
  returningUntil: number;
}

/** A ledger as it is stored. Sites and keys are indexes in a {@link Dictionary}. */
export const LedgerDump = z.object({
  /** Site, key, and the total. */
  series: z.array(z.tuple([z.number(), z.number(), z.array(z.number())])),
  boots: z.array(
    z.object({
      site: z.number(),
      boot: z.string(),
      seenAt: z.number(),
      /** Key, index of the series, and the values. */
      readings: z.array(z.tuple([z.number(), z.number(), z.array(z.number())])),
    }),
  ),
  forgotten: z.array(z.string()),
  /** Indexes of sites that were removed; absent in texts of older versions. */
  removed: z.array(z.number()).default([]),
});
export type LedgerDump = z.infer<typeof LedgerDump>;

export class Ledger {
  /** By site and id of the key. */
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #boots = new Map<string, Boot>();
  /** Processes whose values were dropped, oldest first. */
  readonly #forgotten = new Set<string>();
  /** Removed sites with series, the first removed first. */
  readonly #removed = new Set<string>();
  /** Last values of each site, and the characters of their labels. */
  readonly #use = new Map<string, { readings: number; labels: number }>();
  #count = 0;
  #readings = 0;
  #labels = 0;

  /** Series in the ledger. */
  get size(): number {
    return this.#count;
  }

  /** Last values in the ledger. */
  get readings(): number {
    return this.#readings;
  }

  /** All series. */
  *all(): Generator<Series> {
    for (const bySite of this.#series.values()) yield* bySite.values();
  }

  /** Processes of which last values are kept. */
  get boots(): number {
    return this.#boots.size;
  }

  /**
   * Notes that a process said hello. Makes room for it among the processes of its site.
   * @param isConnected whether a process reports now, and so may not be forgotten
   */
  begin(
    { site, boot }: { readonly site: string; readonly boot: string },
    now: number,
    isConnected: (boot: string) => boolean,
  ): void {
    const id = bootKey(site, boot);
    const known = this.#boots.get(id);
    if (known !== undefined) {
      known.seenAt = now;
      return;
    }
    this.#makeRoom(site, now, isConnected);
    const returningUntil = this.#forgotten.delete(id) ? now + RETURN_MS : 0;
    this.#boots.set(id, { site, boot, readings: new Map(), seenAt: now, returningUntil });
  }

  /** Counts a report of a process that said hello. Returns what grew. */
  report(
    { site, boot }: { readonly site: string; readonly boot: string },
    reports: readonly SeriesReport[],
    now: number,
  ): Growth[] {
    const process = this.#boots.get(bootKey(site, boot));
    if (process === undefined) return [];
    process.seenAt = now;
    const grown: Growth[] = [];
    for (const report of reports) {
      const by = this.#countOne(process, report, now);
      if (by !== null) grown.push(by);
    }
    return grown;
  }

  #countOne(process: Boot, report: SeriesReport, now: number): Growth | null {
    const key = keyOf(report);
    const id = seriesId(key);
    const known = process.readings.get(id);
    const reading = known ?? this.#open(process, id, key);
    if (reading === null) return null;
    const by = reading.tally.raiseTo(Tally.of(report));
    if (by === null || (known === undefined && process.returningUntil > now)) return null;
    reading.series.total.add(by);
    return { series: reading.series, by };
  }

  /** The first reading of labels by a process; null where there is no room for it. */
  #open(process: Boot, id: string, key: SeriesKey): Reading | null {
    if (process.readings.size >= MAX_BOOT_SERIES || !this.#hasRoom(process.site, id)) return null;
    const series = this.#find(process.site, id, key);
    if (series === null) return null;
    const reading = { series, key, tally: new Tally() };
    process.readings.set(id, reading);
    this.#note(process.site, id);
    return reading;
  }

  /** Whether a site may have one more last value. */
  #hasRoom(site: string, id: string): boolean {
    const { readings, labels } = this.#use.get(site) ?? { readings: 0, labels: 0 };
    if (readings < SITE_FLOOR) return true;
    return (
      this.#readings < MAX_READINGS &&
      labels + id.length <= MAX_SITE_LABELS &&
      this.#labels + id.length <= MAX_NETWORK_LABELS
    );
  }

  /** Counts a last value, or that it is dropped. @param by 1 or -1 */
  #note(site: string, id: string, by = 1): void {
    const use = this.#use.get(site) ?? { readings: 0, labels: 0 };
    use.readings += by;
    use.labels += by * id.length;
    this.#readings += by;
    this.#labels += by * id.length;
    if (use.readings > 0) this.#use.set(site, use);
    else this.#use.delete(site);
  }

  /** The series of labels, or that of {@link OTHER} labels where there is no room; null where that has none either. */
  #find(site: string, id: string, key: SeriesKey): Series | null {
    const ofSite = this.#series.get(site) ?? new Map<string, Series>();
    this.#series.set(site, ofSite);
    const known = ofSite.get(id);
    if (known !== undefined) return known;
    if (ofSite.size < SITE_FLOOR || (ofSite.size < MAX_SITE_SERIES && this.#count < MAX_NETWORK_SERIES)) {
      const series = { site, key, total: new Tally() };
      ofSite.set(id, series);
      this.#count += 1;
      return series;
    }
    const folded = foldedKey(key);
    const foldedId = seriesId(folded);
    const other = ofSite.get(foldedId);
    // Room for the few series of other labels, which number at most as many as services, peers and code classes.
    if (other !== undefined || ofSite.size >= MAX_SITE_SERIES * 2 || this.#count >= MAX_NETWORK_SERIES * 1.2)
      return other ?? null;
    const series = { site, key: folded, total: new Tally() };
    ofSite.set(foldedId, series);
    this.#count += 1;
    return series;
  }

  /** Forgets processes that are long gone, and the oldest of a site that has too many. */
  #makeRoom(site: string, now: number, isConnected: (boot: string) => boolean): void {
    const ofSite: Boot[] = [];
    for (const each of this.#boots.values()) {
      if (now - each.seenAt > BOOT_MEMORY_MS && !(each.site === site && isConnected(each.boot))) {
        this.#forget(each);
      } else if (each.site === site) ofSite.push(each);
    }
    const idle = ofSite
      .filter(({ boot }) => !isConnected(boot))
      .sort((left, right) => left.seenAt - right.seenAt);
    const surplus = ofSite.length - MAX_BOOTS + 1;
    for (const each of idle.slice(0, Math.max(0, surplus))) this.#forget(each);
  }

  /** Drops the last values of a process, and moves series that no process has any more to their other labels. */
  #forget(process: Boot): void {
    this.#drop(process);
    this.#remember(process);
    const ofSite = this.#series.get(process.site);
    if (ofSite === undefined || (ofSite.size < MAX_SITE_SERIES / 2 && this.#count < MAX_NETWORK_SERIES / 2))
      return;
    const used = new Set<Series>();
    for (const each of this.#boots.values()) {
      if (each.site === process.site) for (const { series } of each.readings.values()) used.add(series);
    }
    for (const { series } of process.readings.values()) if (!used.has(series)) this.#fold(ofSite, series);
  }

  #drop({ site, boot, readings }: Boot): void {
    this.#boots.delete(bootKey(site, boot));
    for (const id of readings.keys()) this.#note(site, id, -1);
  }

  /** Remembers that a process was forgotten. No site displaces what is remembered of others. */
  #remember({ site, boot }: Boot): void {
    this.#forgotten.add(bootKey(site, boot));
    const ofSite = [...this.#forgotten].filter((id) => id.startsWith(`${site}:`));
    const [oldest] = ofSite.length > MAX_SITE_FORGOTTEN ? ofSite : this.#forgotten;
    const isFull = ofSite.length > MAX_SITE_FORGOTTEN || this.#forgotten.size > MAX_FORGOTTEN;
    if (isFull && oldest !== undefined) this.#forgotten.delete(oldest);
  }

  /**
   * Notes that a site was removed. Its processes report no more; what it counted stays, without processes and targets,
   * until {@link MAX_REMOVED} other sites were removed after it. Returns whether it counted anything.
   */
  remove(site: string): boolean {
    for (const each of this.#boots.values()) if (each.site === site) this.#drop(each);
    for (const id of this.#forgotten) if (id.startsWith(`${site}:`)) this.#forgotten.delete(id);
    const ofSite = this.#series.get(site);
    if (ofSite === undefined) return false;
    for (const series of [...ofSite.values()]) this.#fold(ofSite, series);
    this.#removed.add(site);
    const [oldest] = this.#removed;
    if (this.#removed.size > MAX_REMOVED && oldest !== undefined) {
      this.#removed.delete(oldest);
      this.#count -= this.#series.get(oldest)?.size ?? 0;
      this.#series.delete(oldest);
    }
    return true;
  }

  /** Whether a site has series. */
  has(site: string): boolean {
    return this.#series.has(site);
  }

  #fold(ofSite: Map<string, Series>, series: Series): void {
    const folded = foldedKey(series.key);
    const [id, foldedId] = [seriesId(series.key), seriesId(folded)];
    if (id === foldedId || ofSite.get(id) !== series) return;
    ofSite.delete(id);
    const other = ofSite.get(foldedId);
    if (other === undefined)
      ofSite.set(foldedId, { site: series.site, key: folded, total: series.total.copy() });
    else {
      other.total.add(series.total);
      this.#count -= 1;
    }
  }

  /** The series of a site with labels; null if there is none. */
  find(site: string, key: SeriesKey): Series | null {
    return this.#series.get(site)?.get(seriesId(key)) ?? null;
  }

  dump(dictionary: Dictionary): LedgerDump {
    const indexes = new Map<Series, number>();
    const series: LedgerDump["series"] = [];
    for (const each of this.all()) {
      indexes.set(each, series.length);
      series.push([dictionary.site(each.site), dictionary.key(each.key), each.total.encode()]);
    }
    const boots = [...this.#boots.values()].map(({ site, boot, seenAt, readings }) => ({
      ...{ site: dictionary.site(site), boot, seenAt },
      readings: [...readings.values()].flatMap(({ series: counted, key, tally }): LedgerDump["series"] => {
        const at = indexes.get(counted);
        return at === undefined ? [] : [[dictionary.key(key), at, tally.encode()]];
      }),
    }));
    const removed = [...this.#removed].map((site) => dictionary.site(site));
    return { series, boots, forgotten: [...this.#forgotten], removed };
  }

  static restore({ series, boots, forgotten, removed }: LedgerDump, dictionary: Dictionary): Ledger {
    const ledger = new Ledger();
    const all = series.map(([siteAt, keyAt, total]): Series | null => {
      const [site, key] = [dictionary.siteAt(siteAt), dictionary.keyAt(keyAt)];
      if (site === null || key === null) return null;
      const ofSite = ledger.#series.get(site) ?? new Map<string, Series>();
      ledger.#series.set(site, ofSite);
      const restored = { site, key, total: Tally.decode(total) };
      ofSite.set(seriesId(key), restored);
      ledger.#count += 1;
      return restored;
    });
    for (const { site: siteAt, boot, seenAt, readings } of boots) {
      const site = dictionary.siteAt(siteAt);
      if (site === null) continue;
      const restored = new Map<string, Reading>();
      for (const [keyAt, seriesAt, values] of readings) {
        const [key, counted] = [dictionary.keyAt(keyAt), all[seriesAt]];
        if (key === null || counted === undefined || counted === null) continue;
        const id = seriesId(key);
        if (!restored.has(id)) ledger.#note(site, id);
        restored.set(id, { series: counted, key, tally: Tally.decode(values) });
      }
      ledger.#boots.set(bootKey(site, boot), { site, boot, readings: restored, seenAt, returningUntil: 0 });
    }
    for (const id of forgotten) ledger.#forgotten.add(id);
    for (const at of removed) {
      const site = dictionary.siteAt(at);
      if (site !== null) ledger.#removed.add(site);
    }
    return ledger;
  }
}

const bootKey = (site: string, boot: string): string => `${site}:${boot}`;

/** The labels of a report without its values. A door is no site, so that no report names a site behind one. */
function keyOf({
  side,
  service,
  peer,
  door,
  protocol,
  process,
  target,
  method,
  code,
}: SeriesReport): SeriesKey {
  return {
    ...{ side, service, peer: door === true ? null : peer, protocol, process, target },
    ...(door === undefined ? {} : { door }),
    ...(method === undefined ? {} : { method }),
    ...(code === undefined ? {} : { code }),
  };
}

/** The labels under which series are counted that have no room of their own. */
export function foldedKey(key: SeriesKey): SeriesKey {
  return {
    ...key,
    process: key.process === null ? null : OTHER,
    target: key.target === null ? null : OTHER,
    ...(key.method === undefined ? {} : { method: OTHER }),
  };
}
