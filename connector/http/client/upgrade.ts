/**
 * The upgrade of a door's client to WebSocket: once the target has switched protocols, its bytes no longer belong to
 * the exchange, but to a WebSocket that the edge joins with the client's (docs/protocol.md, "The public door").
 */
import type { FairleadError } from "../../../protocol/errors.ts";
import type { Fields, InformationalHead, ResponseHead } from "../../../protocol/exchange/head.ts";
import type { Flow } from "../../relay/flow.ts";
import type { TargetEvents, TargetExchange } from "./target-exchange.ts";

/** A target that has switched to WebSocket. */
export interface SwitchedTarget {
  readonly hostname: string;
  readonly service: string;
  /** Admits this connector to its end at the edge. */
  readonly ticket: string;
  readonly target: TargetExchange;
  readonly flow: Flow;
  /** Gives the WebSocket up before it is joined. */
  readonly signal: AbortSignal;
  /** The WebSocket has ended. Called once. */
  readonly ended: (error: FairleadError | null) => void;
}

/** A WebSocket that is being joined. */
export interface JoinedWebSocket {
  /** What takes the target's bytes from here on. */
  readonly events: TargetEvents;
  /** Resolves once the edge's end is open; rejects when there is none, and then the WebSocket ends. */
  readonly opened: Promise<void>;
}

/** Joins WebSockets of targets with those of a door's clients. */
export interface WebSocketJoiner {
  /**
   * Counts a WebSocket. Returns its release.
   * @param client the client's address
   * @throws FairleadError service.overloaded
   */
  admit(hostname: string, client: string): () => void;
  join(switched: SwitchedTarget): JoinedWebSocket;
}

/** Hands the events of a target to the exchange until the target switches protocols, and to what follows then. */
export class UpgradeEvents implements TargetEvents {
  readonly #switched: (head: ResponseHead) => TargetEvents;
  #to: TargetEvents;

  constructor(exchange: TargetEvents, switched: (head: ResponseHead) => TargetEvents) {
    this.#to = exchange;
    this.#switched = switched;
  }

  informational(head: InformationalHead): void {
    this.#to.informational(head);
  }

  head(head: ResponseHead, ended: boolean): void {
    if (head.status === 101) this.#to = this.#switched(head);
    else this.#to.head(head, ended);
  }

  content(bytes: Uint8Array): void {
    this.#to.content(bytes);
  }

  end(trailers: Fields): void {
    this.#to.end(trailers);
  }

  drained(): void {
    this.#to.drained();
  }

  failed(error: FairleadError): void {
    this.#to.failed(error);
  }

  unwanted(): void {
    this.#to.unwanted();
  }
}
