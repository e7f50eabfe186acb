/** Opens the streams of exchanges. The listeners' opener of streams does it; tests have peers of their own. */
import type { FairleadError } from "../../../protocol/errors.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import type { EarlyBytes } from "../../listeners/early-data.ts";
import type { Flow } from "../../relay/flow.ts";
import type { RelayStream } from "../../relay/relay.ts";

/** A stream that an exchange needs. */
export interface ExchangeStream {
  /** Names the service, and learns each instance and stream that is tried. */
  readonly flow: Flow;
  readonly early: EarlyBytes;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly request: RequestHead;
  /** Streams behind the client's connection. */
  readonly hops: number;
  /** The port of the service; its first one where it is undefined. */
  readonly port: number | undefined;
  /** The trace context of the request as the client sent it, unchecked; null without one. */
  readonly traceparent: string | null;
  /** The opened streams of the exchange whose failures have led to this one: other instances come first. */
  readonly tried: readonly OpenedExchange[];
  /** Permits to send the request again although a target may have it. */
  readonly repeats: ExchangeRepeats;
}

/** Decides whether a request that a target may have is sent again. */
export interface ExchangeRepeats {
  /** Times that the request was sent again although a target had it, or may have had it. */
  readonly count: number;
  readonly possible: boolean;
  /** Takes the permission for one repetition after this failure. */
  take(error: FairleadError): boolean;
}

/** What the end of an exchange says of its target; see the balancer's verdicts. */
export type ExchangeVerdict = "answered" | "failed" | "unknown";

/** A stream that an instance has accepted. */
export interface OpenedExchange {
  readonly stream: RelayStream;
  /** Ends the turn at the instance, after the stream where the stream ended it. Call it once. */
  ended(verdict: ExchangeVerdict): void;
}

export interface ExchangeOpener {
  /** Resolves with a stream that an instance has accepted. @throws FairleadError the last failure */
  open(stream: ExchangeStream): Promise<OpenedExchange>;
}

/** A request, as far as it decides whether it may be sent again. */
export interface RepeatedRequest {
  readonly method: string;
  readonly isTunnel: boolean;
  /** Whether all its bytes so far are kept. */
  readonly isKept: boolean;
  /** Whether its content was complete. */
  readonly isComplete: boolean;
  /** Whether any head of a response came, a 1xx included. */
  readonly hasResponse: boolean;
  /** Whether the client has left, or the deadline that it set has passed. */
  readonly isOver: boolean;
}

/** Decides about the repetition of requests. */
export interface RepeatPolicy {
  /** Starts a request to a service. */
  start(service: string, request: RepeatedRequest): ExchangeRepeats;
}

/** Permits no repetition. */
export const NO_REPEATS: RepeatPolicy = { start: () => ({ count: 0, possible: false, take: () => false }) };
