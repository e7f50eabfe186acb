/**
 * The receiving half of a carrier: delivers bytes in order and acknowledges them (docs/protocol.md, "Version
 * 2").
 */
import { FairleadError } from "../errors.ts";
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import { DEFAULT_WINDOW_BYTES, encodeAck } from "./messages.ts";
import { ReorderBuffer } from "./reorder-buffer.ts";

/** An ACK is due after this many bytes. */
export const ACK_BYTES = 256 * 1024;
/** An ACK is due after this time at the latest, ms. */
export const ACK_MS = 25;

/** The receiving half of one carrier. */
export class Receiver {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #buffer: ReorderBuffer;
  /** The reader exerts backpressure. */
  #paused = false;
  #isCleared = false;
  /** Every byte below was acknowledged. */
  #acked = 0;
  #ackDueAt = Number.POSITIVE_INFINITY;
  /** An ACK is due that no lane could take. */
  #ackPending = false;
  /** Offset at which the peer's bytes end, as its END says. */
  #peerEnd: number | null = null;

  constructor(lanes: LaneSet, effects: CarrierEffects, limits: CarrierLimits) {
    this.#lanes = lanes;
    this.#effects = effects;
    this.#buffer = new ReorderBuffer({
      window: limits.windowBytes ?? DEFAULT_WINDOW_BYTES,
      unproven: limits.unprovenBytes,
      memory: limits.memory,
      deliver: (bytes) => this.#deliver(bytes),
    });
  }

  /** Bytes received in order. */
  get received(): number {
    return this.#buffer.received;
  }
  /** Bytes of the peer that wait for earlier ones. */
  get held(): number {
    return this.#buffer.held;
  }
  /** Memory that the waiting bytes take, bytes. */
  get cost(): number {
    return this.#buffer.cost;
  }
  /** Whether the reader exerts backpressure, so that no lane is read. */
  get paused(): boolean {
    return this.#paused;
  }
  /** When the next ACK is due, ms; infinity while none is. */
  get ackDueAt(): number {
    return this.#ackDueAt;
  }
  /** Whether every byte before the peer's END was received. */
  get finished(): boolean {
    return this.#peerEnd !== null && this.#buffer.received === this.#peerEnd;
  }

  /** The peer is proven: accepts its whole window. */
  proven(): void {
    this.#buffer.proven();
  }

  /** Takes bytes that begin at `offset`. @throws FairleadError session.malformed, session.overloaded */
  receive(offset: number, bytes: Uint8Array): void {
    if (this.#peerEnd !== null && offset + bytes.length > this.#peerEnd) {
      throw new FairleadError("session.malformed", "The peer sends bytes beyond its END.");
    }
    this.#buffer.receive(offset, bytes);
  }

  /** The peer's bytes end at the offset `sent`. @throws FairleadError session.malformed */
  receiveEnd(sent: number): void {
    if (sent < this.#buffer.received) {
      throw new FairleadError("session.malformed", "The peer's END lies before bytes that it sent.");
    }
    this.#peerEnd = sent;
  }

  /** Sends an ACK for bytes that arrived, now or soon. Returns whether it set {@link ackDueAt}. */
  scheduleAck(): boolean {
    // Duplicate bytes are acknowledged too: their sender does not know that they arrived.
    if (this.#buffer.received - this.#acked >= ACK_BYTES) {
      this.acknowledge();
      return false;
    }
    if (this.#ackDueAt !== Number.POSITIVE_INFINITY) return false;
    this.#ackDueAt = this.#effects.now() + ACK_MS;
    return true;
  }

  /** Sends an ACK, or remembers to when no lane can take it. */
  acknowledge(): void {
    this.#ackDueAt = Number.POSITIVE_INFINITY;
    const lane = this.#lanes.forAck();
    this.#ackPending = lane === null;
    if (lane === null) return;
    lane.ackedWhileFull = lane.full;
    this.#acked = this.#buffer.received;
    this.#lanes.send(lane, [encodeAck(lane.numberOut, this.#buffer.received)]);
  }

  /** Sends the ACK that no lane could take. Called when a lane drains. */
  sendPendingAck(): void {
    if (this.#ackPending) this.acknowledge();
  }

  /** Restarts reading. Returns false when it was not paused. */
  resume(): boolean {
    if (!this.#paused) return false;
    this.#paused = false;
    this.#lanes.resetLiveness(this.#effects.now());
    this.#lanes.pause(false);
    return true;
  }

  /** Drops what waits, and delivers nothing from here on. */
  clear(): void {
    this.#isCleared = true;
    this.#buffer.clear();
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#isCleared || this.#effects.deliver(bytes) || this.#paused) return;
    this.#paused = true;
    this.#lanes.pause(true);
  }
}
