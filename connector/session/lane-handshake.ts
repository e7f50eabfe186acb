/** The handshake of a lane: each side sends its preface, then a carrier takes the lane over. */
import type { WebSocket } from "ws";
import type * as z from "zod";
import {
  type ExpectedPeer,
  encodePreface,
  type Lane,
  type LaneEvents,
  type Preface,
  readPreface,
} from "../../protocol/carrier/index.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { VersionRange } from "../../protocol/versions.ts";
import { WebSocketLane } from "./websocket-lane.ts";

export interface LaneHandshakeOptions {
  /** The peer that the invitation names. */
  expected: ExpectedPeer;
  /**
   * Makes this side's preface. Called when the lane opens, because the preface reports what was received by
   * then.
   */
  preface: () => z.input<typeof Preface> & { carrier: VersionRange };
  /** Time for the lane to open and for the peer's preface to arrive, ms. */
  timeoutMs: number;
}

/** The negotiated carrier version and the peer's preface. */
export interface HandshakeResult {
  version: number;
  preface: Preface;
}

/** Receives the events of a lane after its handshake. */
export type LaneOwner = Pick<LaneEvents, "bytes" | "drained" | "closed">;

export class LaneHandshake {
  readonly lane: Lane;
  readonly #done = Promise.withResolvers<HandshakeResult>();
  readonly #timer: NodeJS.Timeout;
  #state: "waiting" | "done" | "handed over" | "ended" = "waiting";
  #owner: LaneOwner | null = null;
  /** Messages that arrived between the preface and {@link handOver}. */
  #early: Uint8Array[] = [];
  #closed: { error: FairleadError | null } | null = null;

  /** Starts the handshake on the WebSocket of a lane, open or still opening. */
  static overSocket(socket: WebSocket, options: LaneHandshakeOptions): LaneHandshake {
    return new LaneHandshake((events) => new WebSocketLane(socket, events), options);
  }

  constructor(makeLane: (events: LaneEvents) => Lane, options: LaneHandshakeOptions) {
    this.#done.promise.catch(() => {});
    this.#timer = setTimeout(() => {
      this.abort(new FairleadError("session.timeout", "The peer sent no preface in time."));
    }, options.timeoutMs);
    let carrier: VersionRange | undefined;
    this.lane = makeLane({
      opened: () => {
        const preface = options.preface();
        carrier = preface.carrier;
        this.lane.sendText(encodePreface(preface));
      },
      text: (message) => this.#text(message, options.expected, carrier),
      bytes: (message) => this.#bytes(message),
      drained: () => this.#owner?.drained(),
      closed: (error) => this.#laneClosed(error),
    });
  }

  /**
   * Resolves when the peer's preface was accepted. Rejects with a FairleadError: `session.timeout`,
   * `session.wrong_peer`, `session.version`, `session.malformed`, `session.too_large`, or the error that
   * ended the lane.
   */
  get done(): Promise<HandshakeResult> {
    return this.#done.promise;
  }

  /** Hands the lane over. Messages that arrived early are delivered at once. */
  handOver(owner: LaneOwner): Lane {
    if (this.#state === "done") this.#state = "handed over";
    this.#owner = owner;
    for (const message of this.#early.splice(0)) owner.bytes(message);
    if (this.#closed !== null) owner.closed(this.#closed.error);
    else this.lane.resume();
    return this.lane;
  }

  /** Closes the lane, unless it was handed over. */
  abort(error: FairleadError): void {
    if (this.#state === "handed over" || this.#state === "ended") return;
    this.#end(error);
    this.lane.close(error);
  }

  #text(message: string, expected: ExpectedPeer, carrier: VersionRange | undefined): void {
    if (this.#state === "ended") return;
    if (this.#state !== "waiting") {
      this.#violated(new FairleadError("session.malformed", "A text message came after the preface."));
      return;
    }
    try {
      const result = readPreface(message, expected, carrier);
      clearTimeout(this.#timer);
      this.#state = "done";
      this.lane.pause();
      this.#done.resolve(result);
    } catch (error) {
      this.abort(asFairleadError(error, "session.malformed"));
    }
  }

  #bytes(message: Uint8Array): void {
    if (this.#state === "handed over") this.#owner?.bytes(message);
    else if (this.#state === "done") this.#early.push(message);
    else if (this.#state === "waiting") {
      this.abort(new FairleadError("session.malformed", "A binary message came before the preface."));
    }
  }

  /** Ends the lane after the handshake, because the peer violated the protocol. */
  #violated(error: FairleadError): void {
    this.#state = "ended";
    this.lane.close(error);
    if (this.#owner === null) this.#closed = { error };
    else this.#owner.closed(error);
  }

  #laneClosed(error: FairleadError | null): void {
    if (this.#state === "ended") return;
    if (this.#state === "waiting") {
      this.#end(error ?? new FairleadError("session.closed", "The lane was closed before it was used."));
      return;
    }
    this.#state = "ended";
    if (this.#owner === null) this.#closed = { error };
    else this.#owner.closed(error);
  }

  #end(error: FairleadError): void {
    this.#state = "ended";
    clearTimeout(this.#timer);
    this.#early = [];
    this.#done.reject(error);
  }
}
