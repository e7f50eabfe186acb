/** What a pipe asks of whoever runs it. Calls may come from within any call into the pipe. */
import type { FairleadError } from "../errors.ts";
import type { MemoryAccount } from "../memory-budget.ts";
import type { CarrierState } from "./carrier-state.ts";

/** Why new lanes are wanted. */
export type LaneReason = "lost" | "silent" | "unpark";

export interface CarrierEffects {
  /** A clock that only goes forward, ms. */
  now(): number;
  /** Calls {@link Carrier.tick} after `ms`; replaces the alarm before it. Null: no alarm. */
  alarm(ms: number | null): void;
  /** Sends one message, given in pieces; false when the lane takes no more for now. */
  send(lane: number, pieces: readonly Uint8Array[]): boolean;
  /** Bytes of the peer, in order; false asks to wait until {@link Carrier.resume}, they are taken all the same. */
  deliver(bytes: Uint8Array): boolean;
  /** After `write` returned false: it may go on. */
  drained(): void;
  /** Stops or starts reading a lane. */
  pause(lane: number, paused: boolean): void;
  /** Lanes of a higher generation are wanted; told once until one joins. */
  wantLane(reason: LaneReason): void;
  /** Ends a lane after what was sent, or at once. The pipe knows it no more. */
  close(lane: number): void;
  terminate(lane: number): void;
  /** Whether nothing above needs the pipe: it may park. */
  idle(): boolean;
  moved(state: CarrierState): void;
  /** A round trip took so long, ms. */
  measured(ms: number): void;
  /** Nothing follows. Null: the peer ended it on purpose, or both did. */
  ended(error: FairleadError | null): void;
}

export interface CarrierLimits {
  /** Bytes kept until they are acknowledged. */
  replayBytes?: number;
  /** Bytes kept for want of earlier ones; the preface tells the peer. */
  windowBytes?: number;
  /** The same until {@link Carrier.proven} is called; as many unless given. */
  unprovenBytes?: number;
  /** Counts the memory that the peer makes this side hold. */
  memory?: MemoryAccount;
  /** Bytes that may be under way on the shortest path; 1 MiB unless given. */
  leastFlightBytes?: number;
  /** Round trip to expect of a lane on which none was measured, ms; 0 unless given. */
  roundTripMs?: number;
}
