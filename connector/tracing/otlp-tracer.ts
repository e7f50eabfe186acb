/**
 * Traces flows with OpenTelemetry, and exports their spans by OTLP over HTTP. This module loads the packages, so it is
 * itself loaded only by a connector that traces.
 */
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { Traceparent } from "../../protocol/trace-context.ts";
import type { Log } from "../log.ts";
import { OutageLog } from "../outage-log.ts";
import type { FlowView } from "../relay/flow.ts";
import type { FlowTrace, FlowTracer } from "../relay/flow-trace.ts";
import type { RequestFacts, RequestReport, RequestSink } from "../relay/request-report.ts";
import { errorOf, flowAttributes, requestAttributes } from "./span-attributes.ts";
import { batchesOf, type Environment, type SamplerOption, samplerOf } from "./tracing-variables.ts";

export interface OtlpTracerOptions {
  readonly environment: Environment;
  /** What every span says of the process that made it. */
  readonly resource: Readonly<Record<string, string>>;
  readonly log: Log;
  /** Takes the spans; by OTLP to the endpoint of the environment unless given. */
  readonly exporter?: SpanExporter;
}

/** Code of the result of an export that succeeded. */
const EXPORTED = 0;

export class OtlpTracer implements FlowTracer, RequestSink {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor({ environment, resource, log, exporter = new OTLPTraceExporter() }: OtlpTracerOptions) {
    // What the environment says comes last: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    const named = resourceFromAttributes({ "service.name": "fairlead-connector", ...resource });
    const given = detectResources({ detectors: [envDetector] });
    this.#provider = new TracerProvider({
      resource: defaultResource().merge(named).merge(given),
      sampler: makeSampler(samplerOf(environment)),
      spanProcessors: [
        new BatchSpanProcessor({ ...batchesOf(environment), exporter: logged(exporter, log) }),
      ],
    });
    this.#tracer = this.#provider.getTracer("fairlead");
  }

  /** At the target, only traces that the peer passed on are continued: the client's connector decides. */
  begin(flow: FlowView, parent: string | null): FlowTrace | null {
    if (flow.isInternal) return null;
    const isListener = flow.side === "listener";
    const from = contextOf(parent);
    if (!isListener && from === null) return null;
    const { service, protocol } = flow;
    const isRequest = protocol !== "tcp" && protocol !== "udp";
    const span = this.#tracer.startSpan(
      isRequest ? `HTTP ${service}` : `${protocol} ${service}`,
      { kind: isListener ? SpanKind.SERVER : SpanKind.CLIENT, startTime: flow.startedAt },
      from ?? ROOT_CONTEXT,
    );
    return span.isRecording() ? new SpanOfFlow(this.#tracer, span, flow, isRequest) : null;
  }

  requestEnded({ trace: traced, ...facts }: RequestReport): void {
    traced?.requestEnded(facts);
  }

  /** Exports what is left. Never throws. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => {});
  }
}

class SpanOfFlow implements FlowTrace {
  readonly id: string;
  readonly traceparent: string;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #flow: FlowView;
  /** Whether the flow is that of one request, which names its span. */
  readonly #isRequest: boolean;
  #request: RequestFacts | null = null;

  constructor(tracer: Tracer, span: Span, flow: FlowView, isRequest: boolean) {
    const { traceId, spanId } = span.spanContext();
    this.id = traceId;
    this.traceparent = `00-${traceId}-${spanId}-01`;
    this.#tracer = tracer;
    this.#span = span;
    this.#flow = flow;
    this.#isRequest = isRequest;
  }

  requestEnded(facts: RequestFacts): void {
    if (this.#isRequest) {
      this.#request = facts;
      return;
    }
    const { side, service } = this.#flow;
    const span = this.#tracer.startSpan(
      `${facts.method} ${service}`,
      { kind: SpanKind.INTERNAL, startTime: facts.startedAt, attributes: requestAttributes(facts) },
      trace.setSpan(ROOT_CONTEXT, this.#span),
    );
    setError(span, errorOf(side, facts.outcome, facts));
    span.end(facts.startedAt + facts.ms);
  }

  ended(flow: FlowView): void {
    const endedAt = flow.startedAt + (flow.endedMs ?? 0);
    // The report of a request follows the end of its flow at once.
    if (this.#isRequest) queueMicrotask(() => this.#finish(flow, endedAt));
    else this.#finish(flow, endedAt);
  }

  #finish(flow: FlowView, endedAt: number): void {
    const span = this.#span;
    const request = this.#request;
    span.setAttributes(flowAttributes(flow));
    if (request !== null) {
      span.updateName(`${request.method} ${flow.service}`);
      span.setAttributes(requestAttributes(request));
    }
    setError(span, errorOf(flow.side, flow.outcome, request));
    span.end(endedAt);
  }
}

function setError(span: Span, message: string | null): void {
  if (message !== null) span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** The context of a W3C `traceparent`; null for none, and for one that is not well-formed. */
function contextOf(parent: string | null): Context | null {
  if (parent === null || !Traceparent.safeParse(parent).success) return null;
  const [, traceId = "", spanId = "", flags = ""] = parent.split("-");
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function makeSampler({ isParentBased, ratio }: SamplerOption): Sampler {
  const root = ratio === 1 ? new AlwaysOnSampler() : ratio === 0 ? new AlwaysOffSampler() : ofRatio(ratio);
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}

const ofRatio = (ratio: number) => new TraceIdRatioBasedSampler(ratio);

/** The exporter, whose failures are logged: a backend that is away must not be silent. */
function logged(exporter: SpanExporter, log: Log): SpanExporter {
  const outage = new OutageLog(log);
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === EXPORTED)
          outage.ended({}, (length) => `Traces are exported again, after ${length}.`);
        else {
          const why = result.error?.message ?? "the backend refused them";
          outage.failed(
            { code: "traces.unavailable", spans: spans.length },
            `Traces were not exported: ${why}`,
          );
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined
      ? {}
      : { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}
