/** A request that an observer has seen the head of. */
import type { FlowOutcome, FlowView } from "../relay/flow.ts";
import { type RequestProtocol, type RequestReport, requestReport } from "../relay/request-report.ts";

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
    return requestReport(flow, {
      protocol: this.protocol,
      method: this.method,
      authority: this.authority ?? undefined,
      path: this.path,
      status: this.status,
      grpcStatus: this.grpcStatus ?? undefined,
      startedAt: performance.timeOrigin + this.startedAt,
      ms: (this.lastByteAt || now) - this.startedAt,
      firstByteMs: this.firstByteAt === 0 ? null : this.firstByteAt - this.startedAt,
      bytesToTarget: this.bytesToTarget,
      bytesToClient: this.bytesToClient,
      outcome,
    });
  }
}

/** Gets each request that has ended. */
export type OnRequest = (request: ObservedRequest, outcome: FlowOutcome, now: number) => void;
