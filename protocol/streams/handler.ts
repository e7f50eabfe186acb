/** A stream's two neighbours: the user it tells what happens, and the session it belongs to. */
import type { FairleadError } from "../errors.ts";
import type { Open } from "./frames.ts";
import type { SessionWindow } from "./session-window.ts";
import type { Stream } from "./stream.ts";

/** What a stream tells its user. */
export interface StreamHandler {
  /** The peer accepted our OPEN. */
  peerAccepted(): void;
  /** Bytes of the peer, never empty; the memory is the input's. Call `consumed` when they are used up. */
  data(bytes: Uint8Array): void;
  /** The peer sent its last byte. */
  peerFinished(): void;
  /** After `write` returned false: it takes more now. */
  drained(): void;
  /** Our last byte went out, and FIN or, after `resetAfterData`, the RESET that ends the stream. */
  finished(): void;
  /** The peer reset the stream, or the session ended under it. Nothing follows. */
  reset(error: FairleadError): void;
}

/** The multiplexer, as a stream sees it. */
export interface StreamOwner {
  /** What the windows of the session's streams share. */
  readonly windows: SessionWindow;
  /** Payload of an OPEN frame. */
  openPayload(open: Open): Uint8Array;
  /** The stream has a control frame to send. */
  controlWaits(stream: Stream): void;
  /** The stream has data or FIN to send, and credit for it. */
  dataWaits(stream: Stream): void;
  /** The stream ended. */
  closed(stream: Stream): void;
}
