/**
 * One request of a client, its stream to an instance of the service, and the response. The exchange is the same for
 * HTTP/1.1 and HTTP/2: the client's connection gives it the request, and gets the response.
 */
import type { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { fieldOf, isTunnel } from "../../../protocol/exchange/fields.ts";
import { grpcTimeoutMs } from "../../../protocol/exchange/grpc.ts";
import type {
  Fields,
  InformationalHead,
  RequestHead,
  ResponseHead,
} from "../../../protocol/exchange/head.ts";
import { ResponseDecoder, type ResponseHandler } from "../../../protocol/exchange/message-decoder.ts";
import type { Flow } from "../../relay/flow.ts";
import type { RelayStream } from "../../relay/relay.ts";
import {
  authorityOf,
  pathOf,
  type RequestFacts,
  type RequestProtocol,
  type RequestSink,
  requestReport,
} from "../../relay/request-report.ts";
import { EncodedRequest } from "./encoded-request.ts";
import type {
  ExchangeOpener,
  ExchangeRepeats,
  ExchangeVerdict,
  OpenedExchange,
  RepeatedRequest,
  RepeatPolicy,
} from "./exchange-opener.ts";
import { type GatewayResponse, responseToError, responseToRefusal } from "./gateway-response.ts";
import { RequestRefusal } from "./request-refusal.ts";
import type { ServerLimits } from "./server-limits.ts";

/** The client's end of one exchange. */
export interface ExchangeClient {
  /** Whether a 2xx tells the client that the protocol was switched, as in HTTP/2. */
  readonly switchesBy2xx: boolean;
  readonly protocol: RequestProtocol;
  /** Where bytes for the client wait. */
  readonly queue: Duplex;
  informational(head: InformationalHead): void;
  /** Sends the final head. `ended` says that neither content nor trailers follow. */
  respond(head: ResponseHead, ended: boolean): void;
  /** Sends a piece of content. Returns false for backpressure; the bytes are still taken. */
  content(bytes: Uint8Array): boolean;
  /** Ends a response whose head did not say so. */
  end(trailers: Fields): void;
  /** Breaks a response off such that the client cannot take it for a whole one. */
  abort(error: FairleadError): void;
  /** The request takes content again. */
  resumeRequest(): void;
  /** Gathers what is sent in this turn of the event loop into few writes. */
  cork(): void;
}

/** What the exchanges of a listener have in common. */
export interface ExchangeContext {
  readonly opener: ExchangeOpener;
  readonly repeats: RepeatPolicy;
  readonly limits: ServerLimits;
  readonly requests: RequestSink & { readonly areRead: boolean };
  /** A coarse clock that never goes back, ms. */
  readonly now: number;
  /** Watches the exchange's times until it is over. */
  watch(exchange: Exchange): void;
  unwatch(exchange: Exchange): void;
}

export interface ExchangeStart {
  readonly request: RequestHead;
  /** Whether the request has neither content nor trailers. */
  readonly ended: boolean;
  /** Whether the client sends its content only after a 100. */
  readonly expectsContinue: boolean;
  readonly flow: Flow;
  readonly hops: number;
  readonly port: number | undefined;
  /** Why the request goes nowhere; null where it may go. */
  readonly refusal: FairleadError | null;
  readonly client: ExchangeClient;
}

const NO_FIELDS: Fields = [];
const GRPC_UNAVAILABLE = 14;

export class Exchange implements ResponseHandler, RepeatedRequest {
  readonly #context: ExchangeContext;
  readonly #start: ExchangeStart;
  readonly #client: ExchangeClient;
  readonly #flow: Flow;
  readonly #leave = new AbortController();
  readonly #startedAt = performance.now();
  #encoded: EncodedRequest | null = null;
  readonly #repeats: ExchangeRepeats;
  /** The streams that were opened, one after the other. */
  #opened: OpenedExchange[] = [];
  #stream: RelayStream | null = null;
  /** The final head, until it is known whether anything follows it. */
  #pending: ResponseHead | null = null;
  #trailers: Fields = NO_FIELDS;
  #status = 0;
  #grpcStatus: number | null = null;
  #firstByteAt: number | null = null;
  /** Whether a response of a target began, and whether the client has a head. */
  #hasResponse = false;
  #hasHead = false;
  #isOver = false;
  #isSwitched = false;
  #waitsForContinue: boolean;
  /** When the deadline of a gRPC call passes, by `performance.now`; null for other requests. */
  readonly #deadline: number | null;
  /** When a byte of the request, and one of the response, passed last. */
  #requestAt: number;
  #responseAt: number;

  constructor(context: ExchangeContext, start: ExchangeStart) {
    this.#context = context;
    this.#start = start;
    this.#client = start.client;
    this.#flow = start.flow;
    this.#waitsForContinue = start.expectsContinue;
    this.#requestAt = context.now;
    this.#responseAt = context.now;
    const limitMs = start.flow.protocol === "grpc" ? grpcTimeoutMs(start.request) : null;
    this.#deadline = limitMs === null ? null : this.#startedAt + limitMs;
    this.#repeats = context.repeats.start(start.flow.service, this);
  }

  /** Whether the client's response has ended, one way or the other. */
  get hasEnded(): boolean {
    return this.#isOver;
  }

  // ---- what decides about a repetition (RepeatedRequest) ---------------------------------------------

  get isOver(): boolean {
    return this.#isOver || this.#isLate;
  }

  get method(): string {
    return this.#start.request.method;
  }

  get isTunnel(): boolean {
    return this.#start.request.protocol !== undefined || this.method === "CONNECT";
  }

  get isKept(): boolean {
    return this.#encoded?.isKept === true;
  }

  get isComplete(): boolean {
    return this.#encoded?.ended === true;
  }

  get hasResponse(): boolean {
    return this.#hasResponse;
  }

  /** Opens the stream. Call it once the client may be called. */
  begin(): void {
    const { request, ended, refusal } = this.#start;
    this.#context.watch(this);
    if (refusal !== null) {
      this.#fail(refusal);
      return;
    }
    try {
      this.#encoded = new EncodedRequest(request, ended, () => this.#client.resumeRequest());
    } catch (thrown) {
      const { code } = asFairleadError(thrown, "stream.internal");
      const status = code === "exchange.too_large" ? 431 : 400;
      const why =
        status === 431 ? "The head of the request is too large." : "The head of the request is malformed.";
      this.refuse(new RequestRefusal(status, why));
      return;
    }
    this.#open(this.#encoded);
  }

  // ---- the request, from the client's connection -------------------------------------------------------

  /** Adds content. Returns false when the client should wait for {@link ExchangeClient.resumeRequest}. */
  content(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#encoded === null) return true;
    this.#requestAt = this.#context.now;
    this.#waitsForContinue = false;
    return this.#encoded.content(bytes);
  }

  /** Ends the request. */
  end(trailers: Fields): void {
    if (this.#isOver || this.#encoded === null || this.#encoded.ended) return;
    this.#requestAt = this.#context.now;
    this.#encoded.end(trailers);
    this.#flow.toTarget.add(Math.max(0, this.#encoded.bytes - this.#flow.toTarget.bytes));
  }

  /** The client takes content of the response again. */
  drained(): void {
    const stream = this.#stream;
    if (stream === null || stream.destroyed) return;
    stream.noteQueued(this.#client.queue);
    stream.resume();
  }

  /** The client has left or has reset its stream: the target is told, and nothing more goes to the client. */
  cancel(error = new FairleadError("stream.cancelled")): void {
    if (this.#isOver) return;
    this.#finish(error);
    this.#leave.abort();
    this.#stream?.destroy(error);
  }

  /** Responds with a refusal of the request, or breaks off the response where it has begun. */
  refuse(refusal: RequestRefusal): void {
    if (this.#isOver) return;
    this.#giveUp(new FairleadError("stream.cancelled", refusal.message), responseToRefusal(refusal));
  }

  // ---- times --------------------------------------------------------------------------------------------

  /** Looks at the times of the exchange. Called now and then. */
  check(now: number): void {
    const { limits } = this.#context;
    if (this.#isOver) {
      // The peer's message has ended, but not its stream.
      if (now - this.#responseAt >= limits.lingerMs) this.#stream?.destroy();
      return;
    }
    if (this.#isSwitched) return;
    // Until a target has the call, which watches the time from then on, nobody else does.
    if (this.#stream === null && this.#isLate) {
      this.#fail(new FairleadError("exchange.timeout"));
      return;
    }
    const lastAt = Math.max(this.#requestAt, this.#responseAt);
    const encoded = this.#encoded;
    const isBodyDue =
      encoded !== null &&
      !encoded.ended &&
      !encoded.isFull &&
      this.#stream !== null &&
      !this.#waitsForContinue;
    if (isBodyDue && now - lastAt >= limits.bodyIdleMs) {
      this.refuse(new RequestRefusal(408, "The content of the request did not arrive in time."));
    } else if (now - lastAt >= limits.idleMs) {
      this.#fail(new FairleadError("exchange.timeout"));
    }
  }

  // ---- the response, from the decoder (ResponseHandler) ---------------------------------------------------

  onInformational(head: InformationalHead): void {
    if (this.#isOver) return;
    this.#noteResponse();
    if (head.status === 100) this.#waitsForContinue = false;
    this.#client.informational(withoutLength(head));
  }

  onHead(head: ResponseHead): void {
    const { request } = this.#start;
    this.#noteResponse();
    if (this.#isOver) return;
    const isSwitched = head.status === 101;
    if (request.protocol !== undefined && !isSwitched && this.#client.switchesBy2xx && head.status < 300) {
      const why = "The target responded to a request to switch protocols without switching.";
      throw new FairleadError("exchange.bad_response", why);
    }
    this.#firstByteAt = performance.now();
    this.#isSwitched = isTunnel(request, head.status);
    // A client that believed a length here would take the next response for content (RFC 9110 §8.6).
    this.#pending = head.status === 204 ? withoutLength(head) : head;
  }

  onContent(bytes: Uint8Array): void {
    this.#flushHead(false);
    if (this.#isOver) return;
    if (!this.#client.content(bytes)) this.#stream?.pause();
  }

  onTrailers(fields: Fields): void {
    this.#flushHead(false);
    this.#trailers = fields;
  }

  onEnd(): void {
    if (this.#isOver) return;
    const head = this.#pending;
    this.#pending = null;
    if (head !== null) this.#noteHead(head);
    this.#noteGrpcStatus(this.#trailers);
    // Before the client's connection goes on to its next request.
    this.#finish(null);
    if (head !== null) this.#client.respond(head, true);
    else this.#client.end(this.#trailers);
    // Nobody reads the rest of the request, whether the client sends it or not.
    if (this.#encoded?.ended === true) this.#stream?.resume();
    else this.#stream?.destroy(new FairleadError("stream.cancelled"));
  }

  // ---- the stream -----------------------------------------------------------------------------------------

  #open(encoded: EncodedRequest): void {
    const { request, hops, port } = this.#start;
    const traceparent = fieldOf(request.fields, "traceparent");
    const asked = { flow: this.#flow, early: encoded, signal: this.#leave.signal, tried: this.#opened };
    this.#context.opener.open({ ...asked, request, hops, port, traceparent, repeats: this.#repeats }).then(
      (opened) => this.#begin(opened),
      (thrown: unknown) => this.#fail(asFairleadError(thrown, "stream.internal")),
    );
  }

  #begin(opened: OpenedExchange): void {
    const { stream } = opened;
    if (this.#isOver) {
      stream.destroy(new FairleadError("stream.cancelled"));
      opened.ended("unknown");
      return;
    }
    this.#opened = [...this.#opened, opened];
    this.#stream = stream;
    this.#flow.open();
    this.#responseAt = this.#context.now;
    const decoder = new ResponseDecoder(this.#start.request, this);
    stream.on("data", (bytes: Uint8Array) => this.#take(stream, decoder, bytes));
    stream.on("end", () => this.#guard(stream, () => decoder.end()));
    stream.on("close", () => this.#closed(stream));
    stream.on("drain", () => stream.noteQueued(this.#client.queue));
    // A reset may come with ACCEPT, in one message.
    if (stream.closed) this.#closed(stream);
  }

  #take(stream: RelayStream, decoder: ResponseDecoder, bytes: Uint8Array): void {
    this.#responseAt = this.#context.now;
    if (!this.#isOver) this.#flow.toClient.add(bytes.length);
    this.#client.cork();
    this.#guard(stream, () => {
      decoder.push(bytes);
      this.#flushHead(false);
    });
    if (!stream.destroyed) stream.noteQueued(this.#client.queue);
  }

  /** Runs the decoder. What it throws ends the exchange. */
  #guard(stream: RelayStream, action: () => void): void {
    try {
      action();
    } catch (thrown) {
      const error = asFairleadError(thrown, "stream.internal");
      this.#fail(error);
      if (!stream.destroyed) stream.destroy(error);
    }
  }

  #closed(stream: RelayStream): void {
    if (this.#stream !== stream) return;
    if (this.#isOver) {
      this.#context.unwatch(this);
      return;
    }
    const reason = asFairleadError(stream.errored ?? new FairleadError("exchange.failed"), "exchange.failed");
    // A peer says `stream.cancelled` where its target broke the connection off.
    const error = reason.code === "stream.cancelled" ? new FairleadError("exchange.failed") : reason;
    if (this.#repeat(error)) return;
    this.#fail(error);
    this.#context.unwatch(this);
  }

  /** Sends the request again, if it may be. */
  #repeat(error: FairleadError): boolean {
    const encoded = this.#encoded;
    if (encoded === null || !this.isKept || !this.#repeats.take(error)) return false;
    this.#flow.log("debug", { code: error.code }, "The request is sent again.");
    this.#endTurn("failed");
    this.#stream = null;
    encoded.refused();
    this.#open(encoded);
    return true;
  }

  /** A target has the request and responds: it is not sent again. */
  #noteResponse(): void {
    this.#hasResponse = true;
    this.#encoded?.forget();
  }

  /** Tells the balancer what became of the request at its instance. */
  #endTurn(verdict: ExchangeVerdict): void {
    const opened = this.#opened.at(-1);
    if (opened !== undefined && opened.stream === this.#stream) opened.ended(verdict);
  }

  /** Whether the deadline of the call has passed. */
  get #isLate(): boolean {
    return this.#deadline !== null && performance.now() >= this.#deadline;
  }

  #fail(error: FairleadError): void {
    if (this.#isOver) return;
    // What fails after the deadline is no news to the client: the call took too long.
    const why = this.#isLate ? new FairleadError("exchange.timeout", error.message, { cause: error }) : error;
    this.#giveUp(why, responseToError(this.#start.request, why));
  }

  /** Ends the exchange with a response of the connector's own, or breaks off the response that has begun. */
  #giveUp(error: FairleadError, response: GatewayResponse): void {
    const client = this.#client;
    const hadHead = this.#hasHead;
    this.#pending = null;
    if (!hadHead) this.#noteHead(response.head);
    // Before the client's connection goes on to its next request, or closes.
    this.#finish(error);
    this.#leave.abort();
    if (hadHead) client.abort(error);
    else sendWhole(client, response, this.#start.request.method === "HEAD");
    const stream = this.#stream;
    if (stream !== null && !stream.destroyed) stream.destroy(new FairleadError("stream.cancelled"));
  }

  #flushHead(ended: boolean): void {
    const head = this.#pending;
    if (head === null) return;
    this.#pending = null;
    this.#noteHead(head);
    this.#client.respond(head, ended);
  }

  #noteHead(head: ResponseHead): void {
    this.#hasHead = true;
    this.#status = head.status;
    this.#noteGrpcStatus(head.fields);
  }

  #noteGrpcStatus(fields: Fields): void {
    if (fields.length === 0 || this.#flow.protocol !== "grpc") return;
    const status = fieldOf(fields, "grpc-status");
    if (status !== null && /^\d{1,2}$/.test(status)) this.#grpcStatus = Number(status);
  }

  // ---- the end ----------------------------------------------------------------------------------------------

  #finish(error: FairleadError | null): void {
    this.#isOver = true;
    this.#endTurn(this.#verdict(error));
    const encoded = this.#encoded;
    if (encoded !== null) {
      encoded.forget();
      this.#flow.toTarget.add(Math.max(0, encoded.bytes - this.#flow.toTarget.bytes));
    }
    this.#flow.end(error);
    if (this.#stream === null) this.#context.unwatch(this);
    if (this.#context.requests.areRead) this.#context.requests.requestEnded(this.#report());
  }

  /** What the exchange says of the target: its own answers count, and failures before an answer. */
  #verdict(error: FairleadError | null): ExchangeVerdict {
    if (this.#hasResponse && this.#firstByteAt !== null) {
      const isGateway = this.#status === 502 || this.#status === 503 || this.#status === 504;
      return isGateway || this.#grpcStatus === GRPC_UNAVAILABLE ? "failed" : "answered";
    }
    return error === null || error.code === "stream.cancelled" ? "unknown" : "failed";
  }

  #report() {
    const { request } = this.#start;
    const flow = this.#flow;
    const facts: RequestFacts = {
      protocol: flow.protocol === "grpc" ? "grpc" : this.#client.protocol,
      method: request.method,
      authority: request.authority === "" ? undefined : authorityOf(request.authority),
      path: pathOf(request.path),
      status: this.#status,
      grpcStatus: this.#grpcStatus ?? undefined,
      startedAt: flow.startedAt,
      ms: performance.now() - this.#startedAt,
      firstByteMs: this.#firstByteAt === null ? null : this.#firstByteAt - this.#startedAt,
      bytesToTarget: flow.bytesToTarget,
      bytesToClient: flow.bytesToClient,
      outcome: flow.outcome ?? "completed",
      attempts: this.#repeats.count + 1,
    };
    return requestReport(flow, facts);
  }
}

const withoutLength = (head: ResponseHead): ResponseHead => ({
  ...head,
  fields: head.fields.filter((_, at) => head.fields[at - (at % 2)] !== "content-length"),
});

/** Sends a response of the connector's own. */
function sendWhole(client: ExchangeClient, { head, content }: GatewayResponse, isHead: boolean): void {
  const hasContent = content.length > 0 && !isHead;
  client.cork();
  client.respond(head, !hasContent);
  if (hasContent) {
    client.content(content);
    client.end(NO_FIELDS);
  }
}
