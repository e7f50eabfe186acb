/**
 * What a carrier needs of a lane, and what a session needs of a carrier (docs/protocol.md, "The lane and the
 * carrier").
 */
import type { FairleadError } from "../errors.ts";

/** Largest binary message on a lane, bytes. */
export const MAX_LANE_MESSAGE = 64 * 1024;

/** A path of messages. It reports to {@link LaneEvents}. */
export interface Lane {
  /** Sends the preface. */
  sendText(text: string): void;
  /**
   * Sends one message, given in pieces. Returns false for backpressure until `drained`; the message is
   * accepted.
   */
  send(pieces: readonly Uint8Array[]): boolean;
  /** Stops reading. A few messages may still arrive. */
  pause(): void;
  /** Restarts reading. */
  resume(): void;
  /** Closes the lane behind what was sent. The code of `error` is the close reason. */
  close(error?: FairleadError): void;
  /** Closes the lane at once and drops what was not sent. */
  terminate(): void;
}

/** The events of a lane. */
export interface LaneEvents {
  /** The lane is open: messages may be sent. */
  opened(): void;
  /** A text message arrived, such as the preface. */
  text(message: string): void;
  /** A binary message arrived. */
  bytes(message: Uint8Array): void;
  /** The lane takes messages again, after `send` returned false. */
  drained(): void;
  /** The last event. Null when the peer closed the lane on purpose. */
  closed(error: FairleadError | null): void;
}

/** A carrier as its session controls it. The bytes pass through the platform's own stream type beside it. */
export interface CarrierControl {
  readonly version: number;
  /** Why the carrier failed; null while it has not, and after it ended on purpose. */
  readonly failure: FairleadError | null;
  /** Ends the carrier and its lanes at once, and sends the peer the error's code. */
  abort(error: FairleadError): void;
}
