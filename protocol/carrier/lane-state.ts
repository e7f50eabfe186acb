/**
 * The state of one lane of a carrier: unacknowledged bytes, liveness and round trip (docs/protocol.md,
 * "Version 2").
 */
import { FairleadError } from "../errors.ts";
import type { ByteRange } from "./send-buffer.ts";

/** A lane that owes a reply is silent after this time, ms, or this many round trips, whichever is longer. */
export const SILENCE_MS = 5000;
const SILENCE_ROUND_TRIPS = 8;
/** Upper bound of a lane's silence limit, ms, however slow its last replies were. */
const MAX_SILENCE_MS = 60_000;
/** A lane from which nothing came for this time gets a PING, ms. */
export const PING_AFTER_MS = 1000;
/** A lane that carries traffic gets a PING at least this often, to measure its round trip, ms. */
export const MEASURE_EVERY_MS = 5000;

/** The PING that awaits its PONG. */
interface PendingPing {
  readonly id: number;
  readonly sentAt: number;
  /** Offset below which everything was acknowledged when the PING was sent. */
  readonly acked: number;
  /** Offset below which the peer has received everything when it reads the PING. */
  readonly reached: number;
  readonly onIdlePath: boolean;
}

/** The measurement that a PONG completes. */
export interface RoundTrip {
  readonly ms: number;
  /** Little else was in flight when the PING was sent. */
  readonly onIdlePath: boolean;
}

/** The state of one lane. */
export class LaneState {
  readonly id: number;
  readonly generation: number;
  /** Number of the next message in each direction. */
  numberOut = 0;
  numberIn = 0;
  /** The lane exerts backpressure. */
  full = false;
  /** An ACK was sent on the lane since it became full. */
  ackedWhileFull = false;
  /** The lane did not reply in time. It carries no bytes until something arrives on it. */
  silent = false;
  /** When a message last arrived, ms. */
  lastReceivedAt: number;
  /** Id of the PING to reply to when the lane drains. */
  pendingPong: number | null = null;
  /** The peer acknowledged bytes that were sent on this lane. */
  hasDelivered = false;
  /** Unacknowledged byte ranges sent on this lane, in order except for retransmissions. */
  #unacked: ByteRange[] = [];
  #ping: PendingPing | null = null;
  #nextPing = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #rtt: number | null = null;
  readonly #silenceFactor: number;
  readonly #expectedRtt: number;

  /**
   * @param silenceFactor stretches {@link SILENCE_MS}
   * @param expectedRtt round trip before the first measurement, ms
   */
  constructor(id: number, generation: number, now: number, silenceFactor: number, expectedRtt = 0) {
    this.id = id;
    this.generation = generation;
    this.lastReceivedAt = now;
    this.#silenceFactor = silenceFactor;
    this.#expectedRtt = expectedRtt;
  }

  /** Smoothed round trip, ms; null before the first measurement. */
  get rtt(): number | null {
    return this.#rtt;
  }

  /** Time without a reply after which the lane is silent, ms. */
  get silenceLimitMs(): number {
    return Math.min(
      MAX_SILENCE_MS,
      Math.max(SILENCE_MS * this.#silenceFactor, SILENCE_ROUND_TRIPS * (this.#rtt ?? this.#expectedRtt)),
    );
  }

  /** Notes a range that was sent on the lane. */
  noteSent({ from, to }: ByteRange): void {
    const last = this.#unacked.at(-1);
    if (last !== undefined && last.to === from) last.to = to;
    else this.#unacked.push({ from, to });
  }

  /** Notes that every byte below `acked` was acknowledged. */
  noteAcked(acked: number): void {
    let count = 0;
    for (const range of this.#unacked) {
      if (range.to > acked) break;
      count++;
    }
    if (count === 0) return;
    this.#unacked.splice(0, count);
    this.hasDelivered = true;
  }

  /**
   * The offset below which the peer has received everything once it reads what is sent now. A lane keeps its
   * order, so the peer reads what was sent on this lane first; the rest below the offset was acknowledged.
   */
  reached(acked: number): number {
    let reached = acked;
    for (const { from, to } of [...this.#unacked].sort((left, right) => left.from - right.from)) {
      if (from > reached) break;
      reached = Math.max(reached, to);
    }
    return reached;
  }

  /** Removes and returns the ranges that may not have arrived. */
  takeUnacked(): ByteRange[] {
    const unacked = this.#unacked;
    this.#unacked = [];
    return unacked;
  }

  /** When the next PING is due, ms; infinity while none is. One PING at a time: the lane keeps its order. */
  pingDueAt(expectsReply: boolean): number {
    if (!expectsReply || this.#ping !== null) return Number.POSITIVE_INFINITY;
    return Math.min(this.lastReceivedAt + PING_AFTER_MS, this.#measuredAt + MEASURE_EVERY_MS);
  }

  /**
   * When the lane becomes silent unless something arrives, ms; infinity without a PING that awaits its PONG.
   */
  silentAt(): number {
    if (this.#ping === null || this.silent) return Number.POSITIVE_INFINITY;
    return Math.max(this.lastReceivedAt, this.#ping.sentAt - PING_AFTER_MS) + this.silenceLimitMs;
  }

  /** Registers a PING that is sent now. Returns its id. */
  startPing(now: number, acked: number, onIdlePath: boolean): number {
    const id = this.#nextPing;
    this.#nextPing = (id + 1) >>> 0;
    this.#ping = { id, sentAt: now, acked, reached: this.reached(acked), onIdlePath };
    return id;
  }

  /**
   * Takes a PONG, with the offset below which the peer has received everything. Returns the measured round
   * trip; null for a PONG whose PING is not pending.
   * @throws FairleadError session.malformed for a PONG that acknowledges less than the peer must have
   * received.
   */
  receivePong(id: number, now: number, received: number): RoundTrip | null {
    if (this.#ping?.id !== id) return null;
    const { acked, reached, onIdlePath } = this.#ping;
    const ms = now - this.#ping.sentAt;
    this.#rtt = this.#rtt === null ? ms : this.#rtt + (ms - this.#rtt) / 8;
    // A path that became slower counts at once; else the lane would be declared silent.
    this.#rtt = Math.max(this.#rtt, ms / 2);
    this.#ping = null;
    this.#measuredAt = now;
    if (received < acked) {
      throw new FairleadError("session.malformed", "Acknowledgements arrived that the peer never sent.");
    }
    if (received < reached) {
      throw new FairleadError("session.malformed", "The peer did not receive bytes that a lane carried.");
    }
    return { ms, onIdlePath };
  }

  /** Restarts the silence limit: this process did not run or read for a while. */
  resetLiveness(now: number): void {
    this.lastReceivedAt = now;
    this.#ping = null;
  }
}
