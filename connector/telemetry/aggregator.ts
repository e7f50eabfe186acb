/**
 * Counts the streams and requests of a connector in series (docs/observability.md, "What is counted"). The values are
 * cumulative. A stream that is open counts what it has carried so far whenever {@link Aggregator.visit} is called.
 */
import { type CodeClass, codeClassOf, OTHER } from "../../protocol/telemetry/series.ts";
import type { FlowView } from "../relay/flow.ts";
import type { FlowObserver } from "../relay/observer.ts";
import type { RequestReport, RequestSink } from "../relay/request-report.ts";
import { type Labels, type Series, SeriesTable } from "./series-table.ts";

/** Names the process of a client. It is called for each stream and request, so it does no work of its own. */
export interface ProcessNames {
  /** A client connected: its process can be looked up in the meantime. */
  begin(client: string): void;
  /** The client's process, its pod or its address, as far as it is known now. */
  nameOf(client: string): string;
  /** The client's connection is closed: its address and port may become another client's. */
  end(client: string): void;
}

export interface AggregatorOptions {
  readonly names: ProcessNames;
  /** Called when there is something to count after {@link Aggregator.isIdle} was true. */
  readonly onActivity?: () => void;
}

/** What has been counted of a stream that is open. */
interface Counted {
  readonly series: Series;
  toTarget: number;
  toClient: number;
}

/** Methods that have series of their own. Clients can make up any number of others. */
const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"],
  ...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT"],
]);

/** Results of gRPC calls for which the server, or the way to it, is to blame: they fail though their status is 200. */
const GRPC_FAILURES: ReadonlySet<number> = new Set([2, 4, 8, 12, 13, 14, 15]);

export class Aggregator implements FlowObserver, RequestSink {
  readonly #table = new SeriesTable();
  /** The series of the last stream and of the last request: most often, the next one belongs to it as well. */
  #lastOfStreams: Series | null = null;
  #lastOfRequests: Series | null = null;
  readonly #names: ProcessNames;
  readonly #onActivity: () => void;
  readonly #open = new Set<FlowView>();
  /** Those of the open streams that belong to a series already. */
  readonly #counted = new Map<FlowView, Counted>();
  #wasIdle = true;

  constructor({ names, onActivity = () => {} }: AggregatorOptions) {
    this.#names = names;
    this.#onActivity = onActivity;
  }

  /** Streams that have not ended. */
  get open(): ReadonlySet<FlowView> {
    return this.#open;
  }

  /** The series that there are. */
  get series(): readonly Series[] {
    return this.#table.all;
  }

  /** Whether values changed since {@link takeChanged}. What open streams carried shows after {@link visit}. */
  get hasChanged(): boolean {
    return this.#table.hasChanged;
  }

  /** Whether nothing is open and nothing changed. */
  get isIdle(): boolean {
    return this.#open.size === 0 && !this.#table.hasChanged;
  }

  flowStarted(flow: FlowView): void {
    if (flow.isInternal) return;
    this.#open.add(flow);
    if (flow.client !== null) this.#names.begin(flow.client);
    this.#wake();
  }

  flowEnded(flow: FlowView): void {
    if (flow.isInternal) return;
    this.#open.delete(flow);
    const counted = this.#counted.get(flow);
    const series = counted?.series ?? this.#seriesOfStream(flow);
    if (counted === undefined) series.opened++;
    else this.#counted.delete(flow);
    series.closed++;
    if (flow.outcome !== "completed") series.failed++;
    series.bytesToTarget += flow.bytesToTarget - (counted?.toTarget ?? 0);
    series.bytesToClient += flow.bytesToClient - (counted?.toClient ?? 0);
    if (flow.firstByteMs !== null) series.observe(flow.firstByteMs);
    this.#table.note(series);
    // The flow of a connection ends with it, that of a request does not.
    if (flow.client !== null && !isRequest(flow)) this.#names.end(flow.client);
    this.#wake();
  }

  requestEnded(report: RequestReport): void {
    const { method, status, ms } = report;
    const series = this.#seriesOfRequest(report, METHODS.has(method) ? method : OTHER, codeClassOf(status));
    series.opened++;
    series.closed++;
    if (hasFailed(report)) series.failed++;
    series.bytesToTarget += report.bytesToTarget;
    series.bytesToClient += report.bytesToClient;
    series.observe(ms);
    this.#table.note(series);
    this.#wake();
  }

  /**
   * Counts what open streams have carried since the last visit. A stream is counted as opened once its labels are
   * known: when its session has a stream for it, or its target was chosen.
   */
  visit(): void {
    for (const flow of this.#open) {
      let counted = this.#counted.get(flow);
      if (counted === undefined) {
        if (!isSettled(flow)) continue;
        const series = this.#seriesOfStream(flow);
        counted = { series, toTarget: 0, toClient: 0 };
        this.#counted.set(flow, counted);
        series.opened++;
        this.#table.note(series);
      }
      const { bytesToTarget, bytesToClient } = flow;
      if (bytesToTarget === counted.toTarget && bytesToClient === counted.toClient) continue;
      const { series } = counted;
      series.bytesToTarget += bytesToTarget - counted.toTarget;
      series.bytesToClient += bytesToClient - counted.toClient;
      counted.toTarget = bytesToTarget;
      counted.toClient = bytesToClient;
      this.#table.note(series);
    }
  }

  /** The series that changed since the last call, with what open streams have carried until now. */
  takeChanged(): Series[] {
    this.visit();
    const changed = this.#table.takeChanged();
    this.#wasIdle = this.isIdle;
    return changed;
  }

  /** Counts every open stream as closed now, with what it has carried: its end will not be seen. */
  forgetOpen(): void {
    this.visit();
    for (const { series } of this.#counted.values()) series.closed++;
    this.#counted.clear();
    this.#open.clear();
  }

  #seriesOfStream(flow: FlowView): Series {
    const process = this.#processOf(flow);
    const last = this.#lastOfStreams;
    if (last !== null && hasLabels(last.labels, flow, process, null, null)) return last;
    this.#lastOfStreams = this.#table.find(labelsOf(flow, process, null, null));
    return this.#lastOfStreams;
  }

  #seriesOfRequest(report: RequestReport, method: string, code: CodeClass): Series {
    const process = this.#processOf(report);
    const last = this.#lastOfRequests;
    if (last !== null && hasLabels(last.labels, report, process, method, code)) return last;
    this.#lastOfRequests = this.#table.find(labelsOf(report, process, method, code));
    return this.#lastOfRequests;
  }

  #processOf({ side, client }: Counting): string | null {
    return side === "listener" && client !== null ? this.#names.nameOf(client) : null;
  }

  #wake(): void {
    if (!this.#wasIdle) return;
    this.#wasIdle = false;
    this.#onActivity();
  }
}

/** What of a stream or a request decides on its series, besides the client's process, the method and the code. */
type Counting = Pick<FlowView, "side" | "service" | "peer" | "isDoor" | "protocol" | "client" | "target">;

/** The labels of a stream or of a request; a stream has neither method nor code. */
function labelsOf(
  counting: Counting,
  process: Labels["process"],
  method: Labels["method"],
  code: Labels["code"],
): Labels {
  const { side, service, isDoor, protocol } = counting;
  const [peer, target] = [peerLabel(counting), targetLabel(counting)];
  return { side, service, peer, isDoor, protocol, process, target, method, code };
}

/** Whether these are the labels that {@link labelsOf} makes. It runs for each stream and request, and makes nothing. */
function hasLabels(
  labels: Labels,
  counting: Counting,
  process: Labels["process"],
  method: Labels["method"],
  code: Labels["code"],
): boolean {
  return (
    labels.side === counting.side &&
    labels.service === counting.service &&
    labels.peer === peerLabel(counting) &&
    labels.isDoor === counting.isDoor &&
    labels.protocol === counting.protocol &&
    labels.process === process &&
    labels.target === targetLabel(counting) &&
    labels.method === method &&
    labels.code === code
  );
}

function peerLabel({ isDoor, peer }: Counting): string | null {
  return isDoor || peer === null ? null : peer.site;
}

function targetLabel({ side, target }: Counting): string | null {
  return side === "target" ? target : null;
}

/** Whether a request counts as failed. */
export function hasFailed({ outcome, status, grpcStatus }: RequestReport): boolean {
  if (outcome !== "completed" || status >= 500) return true;
  return grpcStatus !== undefined && GRPC_FAILURES.has(grpcStatus);
}

/** Whether the flow is that of one request, rather than of a connection or of datagrams. */
export function isRequest({ protocol }: FlowView): boolean {
  return protocol !== "tcp" && protocol !== "udp";
}

/** Whether an open stream has the labels that it will end with. */
function isSettled({ openedMs, session, target, side }: FlowView): boolean {
  return openedMs !== null || (side === "listener" ? session !== null : target !== null);
}
