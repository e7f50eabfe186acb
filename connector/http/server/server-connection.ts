/** What the connections of a server have in common, whichever version of HTTP they speak. */
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import type { Exchange, ExchangeClient } from "./exchange.ts";
import type { RequestRefusal } from "./request-refusal.ts";
import type { ServerLimits } from "./server-limits.ts";

/** A client's connection, as its server sees it. */
export interface ServerConnection {
  /** Closes the connection once its requests have been served. */
  drain(): void;
  /** Closes the connection now. */
  destroy(): void;
  /** Looks at the times of the connection. Called now and then. */
  check(now: number): void;
}

/** A request of a client. */
export interface ClientRequest {
  readonly request: RequestHead;
  /** Whether the request has neither content nor trailers. */
  readonly ended: boolean;
  readonly expectsContinue: boolean;
  /** "1.0", "1.1" or "2.0". */
  readonly version: string;
  readonly client: ExchangeClient;
}

/** The server, as its connections see it. */
export interface ServerContext {
  readonly limits: ServerLimits;
  /** "http", or "https" for a connection over TLS. */
  readonly scheme: string;
  /** A coarse clock that never goes back, ms. */
  readonly now: number;
  /** Whether connections should end with the requests that they have. */
  readonly isDraining: boolean;
  /** Makes the exchange of a request. Its `begin` follows. */
  exchange(request: ClientRequest): Exchange;
  /** A request was refused before it became an exchange. */
  refused(refusal: RequestRefusal): void;
  closed(connection: ServerConnection): void;
}
