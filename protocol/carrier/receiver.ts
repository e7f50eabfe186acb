/** One direction of a pipe, inwards: bytes in order to the reader, and what is acknowledged of them. */
import { FairleadError } from "../errors.ts";
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import { DEFAULT_WINDOW_BYTES, encodeAck } from "./messages.ts";
import { ReorderBuffer } from "./reorder-buffer.ts";

/** An acknowledgement is sent after this many bytes or ms, whichever is first. */
export const ACK_BYTES = 256 * 1024;
export const ACK_MS = 25;

export class Receiver {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #in: ReorderBuffer;
  /** The reader asked to wait. */
  #paused = false;
  /** Nothing is handed on any more. */
  #over = false;
  /** Bytes below this offset were acknowledged. */
  #ackedIn = 0;
  /** When the next acknowledgement is due, ms. */
  #ackAt = Number.POSITIVE_INFINITY;
  /** Every lane was too full for one that was due. */
  #ackOwed = false;
  /** Where the peer said that the pipe ends. */
  #peerEnd: number | null = null;

  constructor(lanes: LaneSet, effects: CarrierEffects, limits: CarrierLimits) {
    this.#lanes = lanes;
    this.#effects = effects;
    this.#in = new ReorderBuffer({
      window: limits.windowBytes ?? DEFAULT_WINDOW_BYTES,
      unproven: limits.unprovenBytes,
      memory: limits.memory,
      deliver: (bytes) => this.#deliver(bytes),
    });
  }

  /** Bytes received in order. */
  get received(): number {
    return this.#in.received;
  }
  /** Bytes of the peer kept for want of earlier ones. */
  get held(): number {
    return this.#in.held;
  }
  /** Memory that they take, bytes. */
  get cost(): number {
    return this.#in.cost;
  }
  get paused(): boolean {
    return this.#paused;
  }
  get ackAt(): number {
    return this.#ackAt;
  }
  /** Everything that the peer sent before its END is here. */
  get finished(): boolean {
    return this.#peerEnd !== null && this.#in.received === this.#peerEnd;
  }

  /** The peer is who it should be: more is kept for it. */
  proven(): void {
    this.#in.proven();
  }

  /** @throws FairleadError session.malformed, session.overloaded */
  take(offset: number, bytes: Uint8Array): void {
    if (this.#peerEnd !== null && offset + bytes.length > this.#peerEnd) {
      throw new FairleadError("session.malformed", "bytes behind the end of the pipe");
    }
    this.#in.take(offset, bytes);
  }

  /** The peer's side ends there. @throws FairleadError session.malformed */
  endsAt(sent: number): void {
    if (sent < this.#in.received) {
      throw new FairleadError("session.malformed", "the pipe ends before its bytes");
    }
    this.#peerEnd = sent;
  }

  /** After bytes came: acknowledges now or soon. True when a time was set for it. */
  noteArrival(): boolean {
    // What came twice is acknowledged too: its sender does not know that it arrived.
    if (this.#in.received - this.#ackedIn >= ACK_BYTES) {
      this.acknowledge();
      return false;
    }
    if (this.#ackAt !== Number.POSITIVE_INFINITY) return false;
    this.#ackAt = this.#effects.now() + ACK_MS;
    return true;
  }

  acknowledge(): void {
    this.#ackAt = Number.POSITIVE_INFINITY;
    const lane = this.#lanes.answering();
    this.#ackOwed = lane === null;
    if (lane === null) return;
    lane.squeezed = lane.full;
    this.#ackedIn = this.#in.received;
    this.#lanes.send(lane, [encodeAck(lane.numberOut, this.#in.received)]);
  }

  /** A lane takes messages again: sends the acknowledgement that found none. */
  payAck(): void {
    if (this.#ackOwed) this.acknowledge();
  }

  /** Reads on. False when it was not waiting. */
  resume(): boolean {
    if (!this.#paused) return false;
    this.#paused = false;
    this.#lanes.forgive(this.#effects.now());
    this.#lanes.pause(false);
    return true;
  }

  clear(): void {
    this.#over = true;
    this.#in.clear();
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#over || this.#effects.deliver(bytes) || this.#paused) return;
    this.#paused = true;
    this.#lanes.pause(true);
  }
}
