/** What the carrier needs of a lane, and what the session needs of a carrier. */
import type { FairleadError } from "../errors.ts";

/** Largest binary message on a lane, in bytes. */
export const MAX_LANE_MESSAGE = 64 * 1024;

/** One message pipe. Whoever carries bytes over it gives it {@link LaneEvents}. */
export interface Lane {
  /** Sends the preface. */
  sendText(text: string): void;
  /** Sends one message, given in pieces; false asks to wait for `drained`, the message is taken all the same. */
  send(pieces: readonly Uint8Array[]): boolean;
  /** Stops and starts reading; a few messages may still come after `pause`. */
  pause(): void;
  resume(): void;
  /** Ends the lane after what was sent; with an error, its code is the reason. */
  close(error?: FairleadError): void;
  /** Ends the lane now, whatever was sent. */
  terminate(): void;
}

export interface LaneEvents {
  opened(): void;
  text(message: string): void;
  bytes(message: Uint8Array): void;
  drained(): void;
  /** The lane is over: null when the other side ended it on purpose. */
  closed(error: FairleadError | null): void;
}

/**
 * A reliable pipe of bytes that may outlive its lane. The bytes go through the platform's own stream type (in
 * the connector, a Node Duplex that is also a Carrier); this is what the session needs beside them.
 */
export interface CarrierControl {
  readonly version: number;
  /** Why the pipe ended; null while it lives, and when it ended on purpose. */
  readonly failure: FairleadError | null;
  /** Ends the pipe and its lanes now, telling the other side why. */
  abort(error: FairleadError): void;
}
