/** One request at a target and its response, the same for HTTP/1.1 and HTTP/2. */
import type { Duplex } from "node:stream";
import type { FairleadError } from "../../../protocol/errors.ts";
import type {
  Fields,
  InformationalHead,
  RequestHead,
  ResponseHead,
} from "../../../protocol/exchange/head.ts";

/** What the target answers, in order. */
export interface TargetEvents {
  informational(head: InformationalHead): void;
  /** The final head, with status 101 where the target switched protocols. `ended` says that nothing follows. */
  head(head: ResponseHead, ended: boolean): void;
  content(bytes: Uint8Array): void;
  /** The end of a response whose head did not say so. */
  end(trailers: Fields): void;
  /** The target takes content again, after {@link TargetExchange.content} had returned false. */
  drained(): void;
  /**
   * Nothing more comes, and the response is not complete: exchange.refused when the target certainly did not process
   * the request, exchange.failed when it may have, exchange.bad_response. The last event.
   */
  failed(error: FairleadError): void;
  /** The response is complete, and the target takes no more of the request, which has not ended. The last event. */
  unwanted(): void;
}

/** A request that was sent to a target, as far as it had arrived. */
export interface TargetExchange {
  /** Sends a piece of the request's content. Returns false for backpressure; the bytes are still accepted. */
  content(bytes: Uint8Array): boolean;
  /** Ends the request. */
  end(trailers: Fields): void;
  /** Stops and starts the flow of the response's content. */
  pause(): void;
  resume(): void;
  /** Gives the request up. No event follows. */
  cancel(): void;
  /** Gathers what is sent until `uncork` into few writes. */
  cork(): void;
  uncork(): void;
  /** Where bytes for the target wait. */
  readonly queue: Duplex;
}

/** A connection to a target that is ready for a request. Either {@link send} or {@link abandon} is called, once. */
export interface TargetConnection {
  /** "1.1" or "2": the version of HTTP that the target speaks. */
  readonly version: "1.1" | "2";
  /** Sends a request. `ended` says that it has neither content nor trailers. */
  send(head: RequestHead, ended: boolean, events: TargetEvents): TargetExchange;
  /** Gives the connection back without a request. */
  abandon(): void;
}
