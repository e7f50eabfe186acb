/** Serves streams that carry HTTP requests: each becomes a request to a target of its service. */
import type { Relay } from "../../relay/relay.ts";
import type { PeerStream, StreamServer, StreamUse } from "../../targets/stream-server.ts";
import { CLIENT_LIMITS, type ClientLimits } from "./client-limits.ts";
import { type FindTarget, ServedExchange, type ServedExchangeOptions } from "./served-exchange.ts";
import type { WebSocketJoiner } from "./upgrade.ts";

export interface ExchangeServerOptions {
  readonly find: FindTarget;
  readonly relay: Relay;
  readonly limits?: ClientLimits;
  /** Joins the WebSockets of doors' clients; upgrades of doors are refused without. */
  readonly webSockets?: () => WebSocketJoiner;
}

export class ExchangeServer implements StreamServer {
  readonly #options: ServedExchangeOptions;

  constructor({ limits = CLIENT_LIMITS, webSockets, ...options }: ExchangeServerOptions) {
    this.#options = { ...options, limits, webSockets: webSockets ?? null };
  }

  /** Resolves when the stream was accepted. @throws FairleadError service.*, exchange.*, stream.cancelled */
  async serve(stream: PeerStream, use: StreamUse): Promise<void> {
    await new ServedExchange(stream, use, this.#options).accepted;
  }
}
