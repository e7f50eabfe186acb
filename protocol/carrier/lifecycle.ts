/**
 * The lifecycle of a carrier: its state, when it needs lanes, and parking (docs/protocol.md, "Version 2").
 */
import { FairleadError } from "../errors.ts";
import { type CarrierState, canTransition } from "./carrier-state.ts";
import type { CarrierEffects, LaneReason } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { encodePark } from "./messages.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

/** The lifecycle of one carrier. */
export class Lifecycle {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  #state: CarrierState = "joining";
  #generation = 0;
  /** Lanes were requested and none has joined yet. */
  #lanesRequested = false;

  constructor(effects: CarrierEffects, lanes: LaneSet, sender: Sender, receiver: Receiver) {
    this.#effects = effects;
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** The state of the carrier. */
  get state(): CarrierState {
    return this.#state;
  }

  /**
   * Changes the state and reports it. Nothing else does.
   * @throws RangeError for a transition that is not allowed.
   */
  transition(next: CarrierState): void {
    if (!canTransition(this.#state, next))
      throw new RangeError(`no transition from ${this.#state} to ${next}`);
    this.#state = next;
    this.#effects.stateChanged(next);
  }

  /** Whether the peer owes a reply, so that silence means a dead lane. */
  get expectsReply(): boolean {
    if (this.#receiver.paused) return false;
    if (this.#state === "parking") return true;
    return this.#sender.retained > 0 || this.#receiver.held > 0 || !this.#effects.idle();
  }

  /** The highest generation of lanes so far. */
  get generation(): number {
    return this.#generation;
  }

  /** Adds a lane. A higher generation replaces all lanes of lower ones. */
  laneJoined(lane: LaneState): void {
    if (lane.generation > this.#generation) {
      this.#generation = lane.generation;
      for (const old of this.#lanes.list()) this.removeLane(old, "terminate");
    }
    this.#lanes.add(lane);
    if (this.#receiver.paused) this.#effects.pause(lane.id, true);
    this.#lanesRequested = false;
    if (this.#state !== "up") this.transition("up");
  }

  /** Removes a lane. Its unacknowledged bytes are retransmitted on other lanes. */
  removeLane(lane: LaneState, how: "close" | "terminate" | null): void {
    this.#lanes.remove(lane);
    this.#sender.laneLost(lane);
    if (how !== null) this.#effects[how](lane.id);
  }

  /**
   * Marks a lane silent. Its unacknowledged bytes are retransmitted on other lanes; the lane is kept in case
   * it recovers.
   */
  laneSilent(lane: LaneState): void {
    if (this.#state === "parking") this.removeLane(lane, "terminate");
    else this.#sender.laneLost(lane);
    this.replaceLane("silent");
  }

  /** A message arrived on a silent lane. Returns whether the carrier is up again because of it. */
  laneRecovered(lane: LaneState): boolean {
    lane.silent = false;
    if (this.#state !== "resuming") return false;
    this.transition("up");
    return true;
  }

  /** Continues with the remaining lanes and requests new ones, or parks when nothing needs a lane. */
  replaceLane(reason: LaneReason): void {
    if (this.#state === "parking" && this.#lanes.size === 0) this.transition("parked");
    if (this.#state !== "up" && this.#state !== "parking") return;
    if (!this.#lanes.hasLive) {
      const canPark = this.#lanes.size === 0 && this.#isQuiescent && this.#effects.idle();
      this.transition(canPark ? "parked" : "resuming");
      if (canPark) return;
    }
    this.#requestLanes(reason);
  }

  #requestLanes(reason: LaneReason): void {
    if (this.#lanesRequested) return;
    this.#lanesRequested = true;
    this.#effects.lanesNeeded(reason);
  }

  // ---- parking ----------------------------------------------------------------------------------------

  /** Sends PARK on every lane. Returns false, and does nothing, unless the carrier is up and quiescent. */
  park(): boolean {
    if (this.#state !== "up" || !this.#isQuiescent) return false;
    this.transition("parking");
    for (const lane of this.#lanes.list()) {
      this.#lanes.send(lane, [encodePark(lane.numberOut, this.#sender.written, this.#receiver.received)]);
    }
    return true;
  }

  /** Takes a PARK, with the peer's counts of bytes. @throws FairleadError session.malformed */
  receivePark(sent: number, received: number): void {
    if (sent > this.#receiver.received) {
      throw new FairleadError(
        "session.malformed",
        "The peer parks although bytes that it sent did not arrive.",
      );
    }
    // Bytes are in flight: either the peer will see them, or its own will arrive.
    if (sent < this.#receiver.received || received < this.#sender.written) return;
    if (this.#effects.idle()) this.park();
    if (this.#state !== "parking") return;
    for (const lane of this.#lanes.list()) this.removeLane(lane, "close");
    this.transition("parked");
  }

  /** Ends the parking: bytes are written or arrive. */
  cancelParking(): void {
    if (this.#state === "parking") this.transition("up");
  }

  /** Requests lanes for a parked carrier. */
  unpark(): void {
    if (this.#state !== "parked") return;
    this.transition("resuming");
    this.#requestLanes("unpark");
  }

  /** Whether no bytes are in flight in either direction, as far as this side knows. */
  get #isQuiescent(): boolean {
    return this.#sender.retained === 0 && this.#receiver.held === 0 && !this.#sender.ending;
  }
}
