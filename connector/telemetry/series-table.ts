/**
 * The series of a connector: one for each set of labels, up to a number. Labels beyond it are folded, which loses a
 * label and no count.
 */
import { emptyHistogram, latencyBucket, toSparse } from "../../protocol/telemetry/latency.ts";
import {
  CodeClass,
  MAX_SERIES,
  OTHER,
  type SeriesReport,
  Side,
  TrafficProtocol,
} from "../../protocol/telemetry/series.ts";

/** The labels of a stream or a request. */
export interface Labels {
  readonly side: Side;
  readonly service: string;
  /** The site at the other end; null for a door and where it is unknown. */
  readonly peer: string | null;
  readonly isDoor: boolean;
  readonly protocol: TrafficProtocol;
  readonly process: string | null;
  readonly target: string | null;
  /** Both null for a stream. */
  readonly method: string | null;
  readonly code: CodeClass | null;
}

/**
 * From this number of series on, new labels are folded. The series between it and {@link MAX_SERIES} are for folded
 * labels.
 */
export const EXACT_SERIES = MAX_SERIES - 100;

/** What takes the place of labels, one step after the other, until a series has them or may be made. */
const FOLDS: readonly ((labels: Labels) => Labels)[] = [
  (labels) => (labels.process === null ? labels : { ...labels, process: OTHER }),
  (labels) => (labels.target === null ? labels : { ...labels, target: OTHER }),
  (labels) => (labels.method === null ? labels : { ...labels, method: OTHER }),
  (labels) => ({ ...labels, peer: null }),
];

/** The last step, after {@link FOLDS}. It has a series for each side, protocol and code, and may always be made. */
const lastFold = (labels: Labels): Labels => ({ ...labels, service: OTHER });

/** One series: labels, and what was counted since the connector started. */
export class Series {
  readonly labels: Labels;
  opened = 0;
  closed = 0;
  failed = 0;
  bytesToTarget = 0;
  bytesToClient = 0;
  readonly latency = emptyHistogram();
  latencySum = 0;
  /** Whether the values changed since they were last taken. */
  hasChanged = false;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  /** Adds a duration, ms. */
  observe(ms: number): void {
    const bucket = latencyBucket(ms);
    this.latency[bucket] = (this.latency[bucket] ?? 0) + 1;
    this.latencySum += ms;
  }

  /** The series as it is reported. */
  report(): SeriesReport {
    const { side, service, peer, isDoor, protocol, process, target, method, code } = this.labels;
    return {
      ...{ side, service, peer, protocol, process, target },
      ...(isDoor ? { door: true as const } : {}),
      ...(method === null ? {} : { method }),
      ...(code === null ? {} : { code }),
      ...{ opened: this.opened, closed: this.closed, failed: this.failed },
      ...{ bytesToTarget: this.bytesToTarget, bytesToClient: this.bytesToClient },
      ...{ latency: toSparse(this.latency), latencySum: this.latencySum },
    };
  }
}

/** A place in the tree of labels. Each level has one label. */
class Place {
  readonly next = new Map<string | number | null, Place>();
  series: Series | null = null;
}

export class SeriesTable {
  readonly #root = new Place();
  readonly #all: Series[] = [];
  #changed: Series[] = [];

  /** How many series there are. */
  get size(): number {
    return this.#all.length;
  }

  /** Whether values changed since {@link takeChanged}. */
  get hasChanged(): boolean {
    return this.#changed.length > 0;
  }

  /** Every series. */
  get all(): readonly Series[] {
    return this.#all;
  }

  /** The series that counts streams or requests with these labels. */
  find(labels: Labels): Series {
    const known = this.#known(labels);
    if (known !== null) return known;
    if (this.#all.length < EXACT_SERIES) return this.#add(labels);
    let folded = labels;
    for (const fold of FOLDS) {
      const before = folded;
      folded = fold(before);
      if (folded === before) continue;
      const found = this.#known(folded);
      if (found !== null) return found;
      if (this.#all.length < MAX_SERIES) return this.#add(folded);
    }
    folded = lastFold(folded);
    return this.#known(folded) ?? this.#add(folded);
  }

  /** Notes that values of the series changed. */
  note(series: Series): void {
    if (series.hasChanged) return;
    series.hasChanged = true;
    this.#changed.push(series);
  }

  /** The series that changed since the last call. */
  takeChanged(): Series[] {
    const changed = this.#changed;
    this.#changed = [];
    for (const series of changed) series.hasChanged = false;
    return changed;
  }

  #known(labels: Labels): Series | null {
    let place: Place | undefined = this.#root.next.get(kindOf(labels));
    place = place?.next.get(labels.service);
    place = place?.next.get(labels.peer);
    place = place?.next.get(labels.process);
    place = place?.next.get(labels.target);
    place = place?.next.get(labels.method);
    return place?.series ?? null;
  }

  #add(labels: Labels): Series {
    const { service, peer, process, target, method } = labels;
    let place = this.#root;
    for (const label of [kindOf(labels), service, peer, process, target, method]) {
      const next = place.next.get(label) ?? new Place();
      place.next.set(label, next);
      place = next;
    }
    const series = new Series(labels);
    place.series = series;
    this.#all.push(series);
    return series;
  }
}

const PROTOCOLS = new Map(TrafficProtocol.options.map((protocol, index) => [protocol, index]));
const CODES = new Map(CodeClass.options.map((code, index) => [code, index + 1]));

/** A number for side, door, protocol and code, which have few values. */
function kindOf({ side, isDoor, protocol, code }: Labels): number {
  const of = (isDoor ? 2 : 0) + (side === Side.enum.listener ? 0 : 1);
  return of + 4 * ((PROTOCOLS.get(protocol) ?? 0) + 8 * (code === null ? 0 : (CODES.get(code) ?? 0)));
}
