/**
 * The answer to a query of traffic: groups of series with the same wanted labels, with their totals and their values in
 * each step of a window. Each stream counts once: at the listener, or at the target where the client came by a door.
 * Pure.
 */
import {
  type TrafficGroup,
  TrafficLabel,
  type TrafficPoint,
  type TrafficQuery,
  type TrafficTotals,
  WINDOWS,
} from "../../../protocol/api/traffic.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { SeriesKey } from "../../../protocol/telemetry/series.ts";
import { Tally } from "./tally.ts";

/** What a view needs of a series. */
export interface CountedSeries {
  readonly site: string;
  readonly key: SeriesKey;
}

/** What is known of the network's sites. */
export interface SiteNames {
  /** The name of a site; null for an id that is no site of the network. */
  nameOf(id: string): string | null;
  /** Whether a site counts the streams that reach its targets of a service. */
  countsTargets(site: string, service: string): boolean;
}

type TrafficSite = NonNullable<TrafficGroup["from"]>;

/** Streams and requests of a group, apart from each other. */
interface Sums {
  readonly streams: Tally;
  readonly requests: Tally;
}

interface Group {
  readonly labels: Omit<TrafficGroup, "totals" | "points">;
  readonly totals: Sums;
  /** By number of the step in the window. */
  readonly points: (Sums | null)[];
}

/** Labels that a query asks for. @throws FairleadError request.invalid */
export function readLabels(by: string | undefined): ReadonlySet<TrafficLabel> {
  const labels = new Set<TrafficLabel>();
  for (const text of (by ?? "").split(",").filter((each) => each !== "")) {
    const label = TrafficLabel.safeParse(text.trim());
    if (!label.success) {
      const known = TrafficLabel.options.join(", ");
      throw new FairleadError("request.invalid", `Traffic has no label "${text}". Labels are ${known}.`);
    }
    labels.add(label.data);
  }
  return labels;
}

export class TrafficView {
  readonly query: TrafficQuery;
  readonly stepMs: number;
  readonly #names: SiteNames;
  readonly #by: ReadonlySet<TrafficLabel>;
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new WeakMap<CountedSeries, Group | "none">();
  readonly #changed = new Set<Group>();
  readonly #length: number;
  /** Number since 1970 of the window's newest step. */
  #newest: number;

  /** @param now ms since 1970 @throws FairleadError request.invalid for a label that there is not */
  constructor(query: TrafficQuery, names: SiteNames, now: number) {
    const { seconds, stepSeconds } = WINDOWS[query.window];
    this.query = query;
    this.stepMs = stepSeconds * 1000;
    this.#length = seconds / stepSeconds;
    this.#newest = Math.floor(now / this.stepMs);
    this.#names = names;
    this.#by = readLabels(query.by);
  }

  /** Start of the first step, ms since 1970. */
  get from(): number {
    return (this.#newest - this.#length + 1) * this.stepMs;
  }

  /** Length of the window, ms. */
  get lengthMs(): number {
    return this.#length * this.stepMs;
  }

  /** Whether groups changed since {@link takeChanged}. */
  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** Whether a time is after the window's newest step. */
  isPast(now: number): boolean {
    return Math.floor(now / this.stepMs) > this.#newest;
  }

  /** Moves the window on, so that a time is in its newest step. */
  advance(now: number): void {
    const newest = Math.floor(now / this.stepMs);
    const by = Math.min(this.#length, newest - this.#newest);
    if (by <= 0) return;
    this.#newest = newest;
    for (const { points } of this.#groups.values()) {
      points.splice(0, by);
      for (let added = 0; added < by; added++) points.push(null);
    }
  }

  addTotal(series: CountedSeries, total: Tally): void {
    const group = this.#find(series);
    if (group === null) return;
    partOf(group.totals, series.key).add(total);
    this.#changed.add(group);
  }

  /** Adds to the step of a time, ms since 1970, if the window has it. */
  addAt(series: CountedSeries, at: number, values: Tally): void {
    const index = Math.floor(at / this.stepMs) - this.#newest + this.#length - 1;
    if (index < 0 || index >= this.#length) return;
    const group = this.#find(series);
    if (group === null) return;
    let point = group.points[index];
    if (point === undefined || point === null) {
      point = { streams: new Tally(), requests: new Tally() };
      group.points[index] = point;
    }
    partOf(point, series.key).add(values);
    this.#changed.add(group);
  }

  /** Takes everything so far as known to who watches. */
  settle(): void {
    this.#changed.clear();
  }

  /** All groups, those with most bytes first. */
  groups(): TrafficGroup[] {
    const weight = ({ totals }: TrafficGroup) => totals.bytesToTarget + totals.bytesToClient;
    return [...this.#groups.values()]
      .map((group) => this.#describe(group, group.points))
      .sort((left, right) => weight(right) - weight(left));
  }

  /** The groups that changed since the last call, with the newest step alone. */
  takeChanged(): TrafficGroup[] {
    const changed = [...this.#changed].map((group) => this.#describe(group, group.points.slice(-1)));
    this.#changed.clear();
    return changed;
  }

  #describe({ labels, totals }: Group, points: readonly (Sums | null)[]): TrafficGroup {
    return {
      ...labels,
      totals: this.#totalsOf(totals, labels.method !== null),
      points: points.map((point) =>
        point === null ? null : pointOf(this.#totalsOf(point, labels.method !== null)),
      ),
    };
  }

  /** Every request passes in a stream, whose bytes are counted. By method or class, requests have bytes of their own. */
  #totalsOf({ streams, requests }: Sums, isOfRequests: boolean): TrafficTotals {
    const bytes = isOfRequests ? requests : streams;
    return {
      ...{ opened: streams.opened, closed: streams.closed, failed: streams.failed },
      ...{ requests: requests.closed, requestsFailed: requests.failed },
      ...{ bytesToTarget: bytes.bytesToTarget, bytesToClient: bytes.bytesToClient },
      latency: (requests.latency.length > 0 ? requests : streams).histogram(),
    };
  }

  #find(series: CountedSeries): Group | null {
    const known = this.#groupOf.get(series);
    if (known !== undefined) return known === "none" ? null : known;
    const found = this.#make(series);
    this.#groupOf.set(series, found ?? "none");
    return found;
  }

  #make({ site, key }: CountedSeries): Group | null {
    if (!this.#counts(key)) return null;
    const here = this.#site(site) ?? { id: site, name: site };
    const there = key.peer === null ? null : this.#site(key.peer);
    const [from, to] = key.side === "listener" ? [here, there] : [there, here];
    const { service, site: wanted } = this.query;
    if (service !== undefined && key.service !== service) return null;
    const isWanted = (each: TrafficSite | null) =>
      each !== null && (each.id === wanted || each.name === wanted);
    if (wanted !== undefined && !isWanted(from) && !isWanted(to)) return null;
    const asked = <T>(label: TrafficLabel, value: T): T | null => (this.#by.has(label) ? value : null);
    const labels = {
      ...{ from, to, service: key.service },
      protocol: asked("protocol", key.protocol),
      process: asked("process", key.process),
      target: asked("target", key.target),
      method: asked("method", key.method ?? null),
      code: asked("code", key.code ?? null),
    };
    const id = JSON.stringify([from?.id, to?.id, ...Object.values(labels).slice(2)]);
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = {
        labels,
        totals: { streams: new Tally(), requests: new Tally() },
        points: new Array(this.#length).fill(null),
      };
      this.#groups.set(id, group);
    }
    return group;
  }

  /**
   * Whether a series counts. By target, streams are taken from the target's side where the target's site counts them,
   * since the listener's does not know the target.
   */
  #counts(key: SeriesKey): boolean {
    if (!this.#by.has("target")) return key.side === "listener" || key.door === true;
    if (key.side === "target") return key.door === true || key.peer !== null;
    return key.peer === null || !this.#names.countsTargets(key.peer, key.service);
  }

  #site(id: string): TrafficSite | null {
    const name = this.#names.nameOf(id);
    return name === null ? null : { id, name };
  }
}

const partOf = (sums: Sums, key: SeriesKey): Tally =>
  key.method === undefined ? sums.streams : sums.requests;

/** The values that are not 0. */
function pointOf({ latency, ...counts }: TrafficTotals): TrafficPoint {
  const point: TrafficPoint = latency.length > 0 ? { latency } : {};
  for (const [name, count] of Object.entries(counts)) {
    if (count !== 0) point[name as keyof typeof counts] = count;
  }
  return point;
}
