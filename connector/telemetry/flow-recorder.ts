/**
 * Records what the relay reports: in the ring, among the notable records, and for tails. The stream of a request of HTTP
 * has no record of its own once it has ended: the request's says more.
 */
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { Tail } from "../../protocol/telemetry/messages.ts";
import type { FlowView } from "../relay/flow.ts";
import type { FlowObserver } from "../relay/observer.ts";
import type { RequestReport, RequestSink } from "../relay/request-report.ts";
import { isRequest, type ProcessNames } from "./aggregator.ts";
import { flowRecord, type Recorded } from "./flow-records.ts";
import { NotableRecords } from "./notable-records.ts";
import { RecordRing } from "./record-ring.ts";
import { type TailRecords, Tails } from "./tails.ts";

/** A tail begins with what ended in this time before it, ms. */
const TAIL_BEGINS_MS = 60_000;

/** The most streams that began since the last flush and are looked at for tails. */
const MAX_FRESH = 1000;

/** The most open streams with which a tail begins. */
const MAX_OPEN = 1000;

export interface FlowRecorderOptions {
  readonly names: Pick<ProcessNames, "nameOf">;
  /** This site. */
  readonly site: () => SiteFlowRecord["site"];
  /** Streams that have not ended. */
  readonly open: ReadonlySet<FlowView>;
  /** Called when a tail has records, until they are taken. */
  readonly onTailed?: () => void;
  /** Wall clock, ms since 1970, and a clock that never goes back, ms. */
  readonly wallClock?: () => number;
  readonly now?: () => number;
}

export class FlowRecorder implements FlowObserver, RequestSink {
  readonly #options: FlowRecorderOptions;
  readonly #wallClock: () => number;
  readonly #now: () => number;
  readonly #ring = new RecordRing();
  readonly #notable = new NotableRecords();
  readonly #tails = new Tails();
  /** Streams that started since the last flush, while there are tails. */
  #fresh: FlowView[] = [];

  constructor(options: FlowRecorderOptions) {
    this.#options = options;
    this.#wallClock = options.wallClock ?? Date.now;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether tails have, or may soon have, something to send. */
  get hasTails(): boolean {
    return !this.#tails.isEmpty;
  }

  flowStarted(flow: FlowView): void {
    if (flow.isInternal || this.#tails.isEmpty || this.#fresh.length >= MAX_FRESH) return;
    this.#fresh.push(flow);
    this.#options.onTailed?.();
  }

  flowEnded(flow: FlowView): void {
    if (!flow.isInternal && !isRequest(flow)) this.#add(flow);
  }

  requestEnded(report: RequestReport): void {
    this.#add(report);
  }

  /**
   * Starts a tail with the open streams and what ended in the last minute.
   *
   * @throws FairleadError request.invalid when the filter cannot be parsed
   */
  startTail(tail: Tail): void {
    this.#tails.start(tail, this.recent(TAIL_BEGINS_MS), this.#now());
    this.#options.onTailed?.();
  }

  stopTail(id: number): void {
    this.#tails.stop(id);
    if (this.#tails.isEmpty) this.#fresh = [];
  }

  /** Ends all tails. */
  clearTails(): void {
    this.#tails.clear();
    this.#fresh = [];
  }

  /** Records for tails, since the last call. A stream that is still open has a record as such. */
  flushTails(): TailRecords[] {
    for (const flow of this.#fresh) if (this.#options.open.has(flow)) this.#offer(flow);
    this.#fresh = [];
    return this.#tails.flush();
  }

  /** The notable streams and requests since the last call. */
  takeNotable(): Recorded[] {
    return this.#notable.take();
  }

  /** Open streams, and what ended in the last `ms`, newest first. */
  *recent(ms: number): Generator<SiteFlowRecord> {
    for (const flow of [...this.#options.open].slice(-MAX_OPEN).reverse()) yield this.record(flow);
    for (const recorded of this.#ring.newest(this.#wallClock() - ms)) yield this.record(recorded);
  }

  /** The record of a stream or a request, with this site. */
  record(recorded: Recorded): SiteFlowRecord {
    const { names, site } = this.#options;
    return {
      ...flowRecord(recorded, (client) => names.nameOf(client), this.#wallClock()),
      site: site(),
    };
  }

  #add(recorded: Recorded): void {
    this.#ring.add(recorded);
    this.#notable.add(recorded);
    if (!this.#tails.isEmpty) this.#offer(recorded);
  }

  #offer(recorded: Recorded): void {
    this.#tails.offer(this.record(recorded), this.#now());
    this.#options.onTailed?.();
  }
}
