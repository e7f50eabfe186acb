/** A request that an observer has seen the head of. */
import type { FlowOutcome, FlowView } from "../relay/flow.ts";
import type { RequestProtocol, RequestReport } from "../relay/request-report.ts";

export class ObservedRequest {
  protocol: RequestProtocol;
  method: string;
  path: string;
  authority: string | null;
  /** When the first byte was seen, by `performance.now`. */
  readonly startedAt: number;
  /** The status of the final response; 0 before. */
  status = 0;
  grpcStatus: number | null = null;
  /** When the head of the final response was seen, by `performance.now`; 0 before. */
  firstByteAt = 0;
  /** When the last byte of the response was seen, by `performance.now`; 0 before. */
  lastByteAt = 0;
  bytesToTarget = 0;
  bytesToClient = 0;
  /** Whether the connection may become another protocol, if the target agrees (HTTP/1.1). */
  mayUpgrade = false;
  /** Whether the last byte of the request, and of the response, has passed. */
  isSent = false;
  isAnswered = false;

  constructor(
    protocol: RequestProtocol,
    method: string,
    path: string,
    authority: string | null,
    startedAt: number,
  ) {
    this.protocol = protocol;
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.startedAt = startedAt;
  }

  /** The report of the request, once it has ended. `now`: by `performance.now`. */
  report(flow: FlowView, outcome: FlowOutcome, now: number): RequestReport {
    // One object literal: this runs once for each request.
    const report: Writable<RequestReport> = {
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
      protocol: this.protocol,
      method: this.method,
      path: this.path,
      status: this.status,
      startedAt: performance.timeOrigin + this.startedAt,
      ms: (this.lastByteAt || now) - this.startedAt,
      firstByteMs: this.firstByteAt === 0 ? null : this.firstByteAt - this.startedAt,
      bytesToTarget: this.bytesToTarget,
      bytesToClient: this.bytesToClient,
      outcome,
    };
    if (this.authority !== null) report.authority = this.authority;
    if (this.grpcStatus !== null) report.grpcStatus = this.grpcStatus;
    return report;
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Gets each request that has ended. */
export type OnRequest = (request: ObservedRequest, outcome: FlowOutcome, now: number) => void;
