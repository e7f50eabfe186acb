/** The trace of a flow: what follows a stream or a request through both connectors, for a tracing backend. */
import type { FlowView } from "./flow.ts";
import type { RequestFacts } from "./request-report.ts";

/** The span of a flow that is traced. */
export interface FlowTrace {
  /** The trace id, 32 hexadecimal digits. */
  readonly id: string;
  /** The W3C trace context of the span, for what the flow causes. */
  readonly traceparent: string;
  /** The request of the flow, or a request in its connection, has ended. */
  requestEnded(facts: RequestFacts): void;
  /** The flow has ended. Called once. */
  ended(flow: FlowView): void;
}

/** Begins the spans of flows. It is called for each stream and request, and never throws. */
export interface FlowTracer {
  /**
   * Begins the span of a flow; null for a flow that is not traced.
   *
   * @param parent the W3C trace context of the client's request, or of the peer's span; null without one
   */
  begin(flow: FlowView, parent: string | null): FlowTrace | null;
}
