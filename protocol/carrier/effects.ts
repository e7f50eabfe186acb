/**
 * The effects of a carrier: what its owner does for it. The carrier may call them from within any call into
 * it.
 */
import type { FairleadError } from "../errors.ts";
import type { MemoryAccount } from "../memory-budget.ts";
import type { CarrierState } from "./carrier-state.ts";

/** Why a carrier needs new lanes. */
export type LaneReason = "lost" | "silent" | "unpark";

/** What the owner of a carrier does for it. */
export interface CarrierEffects {
  /** A monotonic clock, ms. */
  now(): number;
  /** Schedules {@link Carrier.tick} after `ms`, in place of the alarm before; null cancels it. */
  alarm(ms: number | null): void;
  /** Sends one message, given in pieces. Returns false when the lane takes no more for now. */
  send(lane: number, pieces: readonly Uint8Array[]): boolean;
  /**
   * Takes the peer's bytes, in order. Returns false for backpressure until {@link Carrier.resume}; the bytes
   * are accepted.
   */
  deliver(bytes: Uint8Array): boolean;
  /** The carrier takes bytes again, after `write` returned false. */
  drained(): void;
  /** Stops or restarts reading a lane. */
  pause(lane: number, paused: boolean): void;
  /** Requests lanes of a higher generation. Called once until a lane joins. */
  lanesNeeded(reason: LaneReason): void;
  /** Closes a lane behind what was sent. The carrier has removed the lane. */
  close(lane: number): void;
  /** Closes a lane at once. The carrier has removed the lane. */
  terminate(lane: number): void;
  /** Whether the layer above has no use for the carrier, so that it may park. */
  idle(): boolean;
  /** Reports a new state. */
  stateChanged(state: CarrierState): void;
  /** The reply to a PING arrived after `ms`. */
  roundTripMeasured(ms: number): void;
  /** The last call. Null when both sides, or the peer, ended the carrier on purpose. */
  ended(error: FairleadError | null): void;
}

/** The limits of a carrier. */
export interface CarrierLimits {
  /** Bytes kept until the peer acknowledges them; {@link DEFAULT_WINDOW_BYTES} unless given. */
  replayBytes?: number;
  /** Out-of-order bytes kept for the peer, as the preface says; {@link DEFAULT_WINDOW_BYTES} unless given. */
  windowBytes?: number;
  /** The same before {@link Carrier.proven}; `windowBytes` unless given. */
  unprovenBytes?: number;
  /** Counts the memory that the peer makes this side hold. */
  memory?: MemoryAccount;
  /** Bytes in flight that are allowed on any path; 1 MiB unless given. */
  minInflightBytes?: number;
  /** Round trip to expect of a lane before its first measurement, ms; 0 unless given. */
  roundTripMs?: number;
}
