/**
 * The record of one request, as one side of the network knows it, and its way to whatever reads it. The HTTP server, the
 * HTTP client and the observers of `tcp` services all report in this form. Queries, cookies and credentials are in none.
 */
import type { Log } from "../log.ts";
import type { FlowOutcome, FlowView } from "./flow.ts";

/** What the request was recognised as. A gRPC call is HTTP/2 with a content type of `application/grpc`. */
export type RequestProtocol = "http1" | "http2" | "grpc";

/** What is known of the request, apart from its flow. */
export interface RequestFacts {
  readonly protocol: RequestProtocol;
  readonly method: string;
  /** Host and port as the client gave them, without user and password; absent when it gave none. */
  readonly authority?: string | undefined;
  /** The path without its query, at most {@link MAX_PATH} characters. */
  readonly path: string;
  /** The status of the final response; 0 when there was none. */
  readonly status: number;
  /** The `grpc-status` of a gRPC call; absent when the response had none. */
  readonly grpcStatus?: number | undefined;
  /** When the first byte of the request was seen, ms since 1970. */
  readonly startedAt: number;
  /** From the first byte of the request to the last byte of the response, ms. */
  readonly ms: number;
  /** From the first byte of the request to the first byte of the final response, ms; null without a response. */
  readonly firstByteMs: number | null;
  /** Bytes of the request and of the response, heads included. */
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** "completed", or the code of the error that ended the request. A response of any status is a completed request. */
  readonly outcome: FlowOutcome;
  /** Times that the request was sent, where a target may have had it each time; 1 unless given. */
  readonly attempts?: number;
}

/** One request that has ended. */
export interface RequestReport
  extends RequestFacts,
    Pick<
      FlowView,
      | ("network" | "site" | "side" | "service" | "peer" | "isDoor")
      | ("client" | "session" | "stream" | "target" | "trace")
    > {}

/** Reads the reports of requests. It is called in the path of the traffic, so it returns quickly. */
export interface RequestSink {
  requestEnded(report: RequestReport): void;
}

/** Gives each report to every sink. */
export class RequestReports implements RequestSink {
  readonly #log: Log;
  readonly #sinks = new Set<RequestSink>();
  /** Sinks for which connections of `tcp` services are observed. */
  readonly #observing = new Set<RequestSink>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether anything reads reports. Without a sink, a report need not be made. */
  get areRead(): boolean {
    return this.#sinks.size > 0;
  }

  /** Whether a sink wants the requests of every `tcp` service. */
  get areObserved(): boolean {
    return this.#observing.size > 0;
  }

  /**
   * Adds a sink. Returns the function that removes it.
   *
   * @param observes whether the connections of `tcp` services are to be observed for it, where their `--observe` does
   *   not say; true unless given
   */
  add(sink: RequestSink, { observes = true }: { readonly observes?: boolean } = {}): () => void {
    this.#sinks.add(sink);
    if (observes) this.#observing.add(sink);
    return () => {
      this.#sinks.delete(sink);
      this.#observing.delete(sink);
    };
  }

  /** A sink that throws costs a log line, not the request. */
  requestEnded(report: RequestReport): void {
    for (const sink of this.#sinks) {
      try {
        sink.requestEnded(report);
      } catch (thrown) {
        const { service, side } = report;
        this.#log.error({ service, side }, `A reader of requests failed: ${String(thrown)}`);
      }
    }
  }
}

/**
 * The report of a request that `flow` carried. It runs once for each request: one literal makes every report with the
 * same shape, in a third of the time that spreading the facts takes.
 */
export function requestReport(flow: FlowView, facts: RequestFacts): RequestReport {
  return {
    network: flow.network,
    site: flow.site,
    side: flow.side,
    service: flow.service,
    peer: flow.peer,
    isDoor: flow.isDoor,
    client: flow.client,
    session: flow.session,
    stream: flow.stream,
    target: flow.target,
    trace: flow.trace ?? null,
    protocol: facts.protocol,
    method: facts.method,
    authority: facts.authority,
    path: facts.path,
    status: facts.status,
    grpcStatus: facts.grpcStatus,
    startedAt: facts.startedAt,
    ms: facts.ms,
    firstByteMs: facts.firstByteMs,
    bytesToTarget: facts.bytesToTarget,
    bytesToClient: facts.bytesToClient,
    outcome: facts.outcome,
    attempts: facts.attempts ?? 1,
  };
}

/** Most characters of a path and of an authority in a report. */
export const MAX_PATH = 256;

/** The path of a request target without its query and fragment, in origin form or in absolute form; "" in authority form. */
export function pathOf(target: string): string {
  let start = 0;
  if (target.charCodeAt(0) !== SLASH) {
    const scheme = target.indexOf("://");
    if (scheme < 0) return target === "*" ? target : "";
    const slash = target.indexOf("/", scheme + 3);
    start = slash < 0 ? target.length : slash;
  }
  let end = target.length;
  for (const mark of ["?", "#"]) {
    const at = target.indexOf(mark);
    if (at >= 0 && at < end) end = at;
  }
  if (start >= end) return "/";
  return target.slice(start, Math.min(end, start + MAX_PATH));
}

/** An authority without user and password, shortened. */
export function authorityOf(authority: string): string {
  return authority.slice(authority.lastIndexOf("@") + 1).slice(0, MAX_PATH);
}

const SLASH = 0x2f;
