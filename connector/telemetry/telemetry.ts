/**
 * The telemetry of a connector: counts and records its traffic, and reports both to the edge on a connection of its own
 * while there is traffic.
 */
import type { WebSocket } from "ws";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { Tail, TelemetryNotice } from "../../protocol/telemetry/messages.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { Log } from "../log.ts";
import { OutageLog } from "../outage-log.ts";
import type { FlowObserver } from "../relay/observer.ts";
import type { RequestReports } from "../relay/request-report.ts";
import { Aggregator } from "./aggregator.ts";
import type { ClientProcesses } from "./client-processes.ts";
import { FlowRecorder } from "./flow-recorder.ts";
import { seriesMessages } from "./report-messages.ts";
import { ReportSchedule } from "./report-schedule.ts";
import type { Series } from "./series-table.ts";
import { TelemetryConnection, type TelemetryConnectionOptions } from "./telemetry-connection.ts";

export interface TelemetryOptions {
  readonly relay: {
    observe(observer: FlowObserver): () => void;
    readonly requests: Pick<RequestReports, "add">;
  };
  readonly names: ClientProcesses;
  /** This site. */
  readonly site: () => SiteFlowRecord["site"];
  readonly boot: string;
  readonly software: string;
  /** Opens the WebSocket with a fresh assertion. */
  readonly dial: (signal: AbortSignal) => Promise<WebSocket>;
  /** Whether the edge is reached and takes telemetry. {@link Telemetry.edgeReturned} follows when it is again. */
  readonly isAvailable: () => boolean;
  readonly log: Log;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly keepalive?: TelemetryConnectionOptions["keepalive"];
}

/** Observing `tcp` services costs more than all that telemetry does: it is done where somebody asks for it. */
const UNOBSERVED = { observes: false };

/** How often records are sent to tails, ms. */
const TAIL_FLUSH_MS = 500;

/** What the status of a connector shows of telemetry. */
export interface TelemetryState {
  readonly state: "off" | "closed" | "dialling" | "open";
  readonly series: number;
  readonly open: number;
  /** When the last report was sent, ms since 1970; null before the first. */
  readonly reportedAt: number | null;
}

export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #now: () => number;
  readonly #schedule: ReportSchedule;
  readonly #aggregator: Aggregator;
  readonly #recorder: FlowRecorder;
  readonly #outages: OutageLog;
  readonly #stop = new AbortController();
  #connection: TelemetryConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #tailTimer: NodeJS.Timeout | null = null;
  /** Removes the observers; null while telemetry is off. */
  #remove: (() => void) | null = null;
  /** The number of the last dial. A dial that was given up finds another one. */
  #dials = 0;
  #reportedAt: number | null = null;
  /** Whether the edge may lack what was reported. The next report then has every series. */
  #isUnconfirmed = false;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#schedule = new ReportSchedule(options.random);
    this.#outages = new OutageLog(options.log, this.#now);
    const { names, site } = options;
    this.#aggregator = new Aggregator({ names, onActivity: () => this.review() });
    this.#recorder = new FlowRecorder({
      ...{ names, site, now: this.#now, open: this.#aggregator.open },
      onTailed: () => this.#planTails(),
    });
  }

  /** What is counted so far: every series, with what open streams have carried until now. */
  series(): readonly Series[] {
    this.#aggregator.visit();
    return this.#aggregator.series;
  }

  /** Open streams, and what ended in the last `ms` and is remembered, newest first. */
  records(ms: number): Iterable<SiteFlowRecord> {
    return this.#recorder.recent(ms);
  }

  get state(): TelemetryState {
    return {
      state: this.#remove === null ? "off" : this.#schedule.state,
      series: this.#aggregator.series.length,
      open: this.#aggregator.open.size,
      reportedAt: this.#reportedAt,
    };
  }

  /** Begins to count, or stops. What was counted stays. */
  set(isOn: boolean): void {
    if (isOn === (this.#remove !== null)) return;
    if (!isOn) {
      this.#remove?.();
      this.#remove = null;
      this.#aggregator.forgetOpen();
      this.#schedule.closed();
      void this.#disconnect();
      return;
    }
    const { relay } = this.#options;
    const removers = [
      ...[relay.observe(this.#aggregator), relay.observe(this.#recorder)],
      ...[relay.requests.add(this.#aggregator, UNOBSERVED), relay.requests.add(this.#recorder, UNOBSERVED)],
    ];
    this.#remove = () => {
      for (const remove of removers) remove();
    };
    this.review();
  }

  /** Looks at what is to be done now. */
  review(): void {
    if (this.#remove === null || this.#stop.signal.aborted) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#aggregator.visit();
    const step = this.#schedule.next({
      now: this.#now(),
      hasNews: this.#aggregator.hasChanged || this.#isUnconfirmed,
      isOpen: this.#aggregator.open.size > 0,
      isAvailable: this.#options.isAvailable(),
    });
    if (step.do === "dial") void this.#dial();
    else if (step.do === "report") {
      this.#report();
      this.review();
    } else if (step.do === "close") {
      void this.#disconnect();
      this.review();
    } else if (step.ms !== null) {
      this.#timer = setTimeout(() => this.review(), Math.max(1, step.ms)).unref();
    }
  }

  /** The edge welcomed an uplink, the first or another one. */
  edgeReturned(): void {
    this.#schedule.edgeReturned();
    this.review();
  }

  /** The edge has another address. */
  edgeMoved(): void {
    this.#isUnconfirmed = this.#reportedAt !== null;
    void this.#disconnect();
    this.#schedule.moved();
    this.review();
  }

  /** Sends a last report, and closes the connection. */
  async close(): Promise<void> {
    // Streams that end with the sessions report it in this turn of the event loop or the next.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (this.#remove !== null && this.#connection !== null) this.#report();
    this.#stop.abort();
    this.#remove?.();
    this.#remove = null;
    this.#options.names.close();
    await this.#disconnect();
  }

  async #dial(): Promise<void> {
    const { signal } = this.#stop;
    const { dial, boot, software, keepalive } = this.#options;
    const number = ++this.#dials;
    let connection: TelemetryConnection;
    try {
      const socket = await dial(signal);
      if (number !== this.#dials) {
        socket.terminate();
        return;
      }
      const welcome = setTimeout(
        () => end(new FairleadError("uplink.lost", "The edge did not answer hello.")),
        timeLimit("welcome", null),
      ).unref();
      const end = (error: FairleadError): void => {
        clearTimeout(welcome);
        if (this.#connection !== connection) return;
        void connection.close();
        this.#ended(error);
      };
      connection = new TelemetryConnection(socket, {
        keepalive,
        notice: (notice) => {
          if (this.#connection !== connection) return;
          if (notice.type === "welcome") clearTimeout(welcome);
          this.#handle(notice);
        },
        ended: end,
      });
      this.#connection = connection;
      connection.send({ type: "hello", boot, software });
    } catch (thrown) {
      if (number === this.#dials) this.#ended(asFairleadError(thrown, "uplink.lost"));
    }
  }

  #handle(notice: TelemetryNotice): void {
    switch (notice.type) {
      case "welcome":
        this.#isUnconfirmed = true;
        this.#schedule.welcomed(notice.everyMs, this.#now());
        this.#outages.ended({}, (length) => `Traffic is reported again, after ${length}.`);
        this.#recorder.clearTails();
        for (const tail of notice.tails) this.#startTail(tail);
        break;
      case "cadence":
        this.#schedule.cadence(notice.everyMs, this.#now());
        break;
      case "tail.start":
        this.#startTail(notice.tail);
        return;
      case "tail.stop":
        this.#recorder.stopTail(notice.id);
        return;
      default:
        return;
    }
    this.review();
  }

  #startTail(tail: Tail): void {
    try {
      this.#recorder.startTail(tail);
    } catch (thrown) {
      const { message } = asFairleadError(thrown, "request.invalid");
      this.#options.log.debug({ filter: tail.filter.slice(0, 200) }, `A tail was not started: ${message}`);
    }
  }

  #report(): void {
    const connection = this.#connection;
    if (connection === null || connection.isCongested) return;
    const changed = this.#aggregator.takeChanged();
    const series = this.#isUnconfirmed ? this.#aggregator.series : changed;
    this.#isUnconfirmed = false;
    const notable = this.#recorder.takeNotable().map((each) => withoutSite(this.#recorder.record(each)));
    const messages = seriesMessages(
      series.map((each) => each.report()),
      this.#aggregator.open.size,
      notable,
    );
    for (const message of messages) connection.send(message);
    this.#reportedAt = Date.now();
  }

  #planTails(): void {
    this.#tailTimer ??= setTimeout(() => {
      this.#tailTimer = null;
      const connection = this.#connection;
      const flushed = this.#recorder.flushTails();
      if (connection === null) return;
      for (const { tail, records, left } of flushed) {
        // What an edge that is slow to read does not get is counted.
        if (connection.isCongested)
          connection.send({ type: "records", tail, records: [], left: left + records.length });
        else connection.send({ type: "records", tail, records, left });
      }
    }, TAIL_FLUSH_MS).unref();
  }

  #ended(error: FairleadError): void {
    // A report that was sent shortly before may be lost, and what an edge that died had not stored is.
    if (this.#connection !== null) this.#isUnconfirmed = this.#reportedAt !== null;
    this.#connection = null;
    this.#recorder.clearTails();
    this.#schedule.ended(this.#now(), error.retryAfterMs);
    const { code, message } = error;
    this.#outages.failed({ code }, `Traffic cannot be reported: ${message}`);
    this.review();
  }

  async #disconnect(): Promise<void> {
    this.#dials++;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#tailTimer !== null) clearTimeout(this.#tailTimer);
    this.#timer = null;
    this.#tailTimer = null;
    const connection = this.#connection;
    this.#connection = null;
    this.#recorder.clearTails();
    await connection?.close();
  }
}

function withoutSite({ site: _, ...record }: SiteFlowRecord) {
  return record;
}
