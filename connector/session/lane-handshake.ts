/** The beginning of a lane: both sides say their preface, then whoever carries bytes over it takes the lane. */
import type { WebSocket } from "ws";
import type { z } from "zod";
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

export interface MeetingOptions {
  /** What the invitation says of the other side. */
  expected: ExpectedPeer;
  /** Our preface, made when the lane is open: it says what was received by then. */
  preface: () => z.input<typeof Preface> & { carrier: VersionRange };
  /** Time for the lane to open and the prefaces to meet, in ms. */
  timeoutMs: number;
}

/** What was agreed: the carrier version to speak, and what the peer said. */
export interface Met {
  version: number;
  preface: Preface;
}

/** Who carries bytes over a lane. */
export type LaneUser = Pick<LaneEvents, "bytes" | "drained" | "closed">;

export class Meeting {
  readonly lane: Lane;
  readonly #met = Promise.withResolvers<Met>();
  readonly #timer: NodeJS.Timeout;
  #state: "preface" | "met" | "taken" | "over" = "preface";
  #user: LaneUser | null = null;
  /** What came between the preface and {@link take}. */
  #early: Uint8Array[] = [];
  #closed: { error: FairleadError | null } | null = null;

  /** Over a lane's WebSocket, which is open or opening. */
  static over(socket: WebSocket, options: MeetingOptions): Meeting {
    return new Meeting((events) => new WebSocketLane(socket, events), options);
  }

  constructor(makeLane: (events: LaneEvents) => Lane, options: MeetingOptions) {
    this.#met.promise.catch(() => {});
    this.#timer = setTimeout(() => {
      this.abort(new FairleadError("session.timeout", "the other side sent no preface in time"));
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
      drained: () => this.#user?.drained(),
      closed: (error) => this.#laneClosed(error),
    });
  }

  /**
   * Resolves when the prefaces have met. Rejects with a FairleadError: session.timeout, session.wrong_peer,
   * session.version, session.malformed, session.too_large, or why the lane ended.
   */
  get met(): Promise<Met> {
    return this.#met.promise;
  }

  /** Hands the lane over; what came meanwhile is told at once. */
  take(user: LaneUser): Lane {
    if (this.#state === "met") this.#state = "taken";
    this.#user = user;
    for (const message of this.#early.splice(0)) user.bytes(message);
    if (this.#closed !== null) user.closed(this.#closed.error);
    else this.lane.resume();
    return this.lane;
  }

  /** Gives the lane up before it was taken. */
  abort(error: FairleadError): void {
    if (this.#state === "taken" || this.#state === "over") return;
    this.#end(error);
    this.lane.close(error);
  }

  #text(message: string, expected: ExpectedPeer, carrier: VersionRange | undefined): void {
    if (this.#state === "over") return;
    if (this.#state !== "preface") {
      this.#wrong(new FairleadError("session.malformed", "a text message came after the preface"));
      return;
    }
    try {
      const met = readPreface(message, expected, carrier);
      clearTimeout(this.#timer);
      this.#state = "met";
      this.lane.pause();
      this.#met.resolve(met);
    } catch (error) {
      this.abort(asFairleadError(error, "session.malformed"));
    }
  }

  #bytes(message: Uint8Array): void {
    if (this.#state === "taken") this.#user?.bytes(message);
    else if (this.#state === "met") this.#early.push(message);
    else if (this.#state === "preface") {
      this.abort(new FairleadError("session.malformed", "a message on the lane has no place there"));
    }
  }

  /** The other side breaks the rules on a lane that is in use. */
  #wrong(error: FairleadError): void {
    this.#state = "over";
    this.lane.close(error);
    if (this.#user === null) this.#closed = { error };
    else this.#user.closed(error);
  }

  #laneClosed(error: FairleadError | null): void {
    if (this.#state === "over") return;
    if (this.#state === "preface") {
      this.#end(error ?? new FairleadError("session.closed", "the lane was closed before it was used"));
      return;
    }
    this.#state = "over";
    if (this.#user === null) this.#closed = { error };
    else this.#user.closed(error);
  }

  #end(error: FairleadError): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#early = [];
    this.#met.reject(error);
  }
}
