/** Follows the requests of one connection in one protocol. It only reads the bytes. */
import type { FlowOutcome } from "../relay/flow.ts";

export interface ProtocolObserver {
  /** Bytes from the client. @throws ObservationError when the connection can no longer be followed. */
  toTarget(chunk: Buffer): void;
  /** Bytes to the client. @throws ObservationError when the connection can no longer be followed. */
  toClient(chunk: Buffer): void;
  /** The connection has ended: reports the requests that are open. */
  ended(outcome: FlowOutcome): void;
  /** Frees what is held, and reports nothing more. */
  close(): void;
}
