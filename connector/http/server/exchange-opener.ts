/** Opens the streams of exchanges. The listeners' opener of streams does it; tests have peers of their own. */
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
}

export interface ExchangeOpener {
  /** Resolves with a stream that an instance has accepted. @throws FairleadError the last failure */
  open(stream: ExchangeStream): Promise<RelayStream>;
}
