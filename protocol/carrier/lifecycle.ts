/** How a pipe stands: its state, the lanes it lacks and wants, and whether it needs any. */
import { FairleadError } from "../errors.ts";
import { type CarrierState, mayMove } from "./carrier-state.ts";
import type { CarrierEffects, LaneReason } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { encodePark } from "./messages.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

export class Lifecycle {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  #state: CarrierState = "joining";
  #generation = 0;
  /** Lanes were asked for and none has come. */
  #wanting = false;

  constructor(effects: CarrierEffects, lanes: LaneSet, sender: Sender, receiver: Receiver) {
    this.#effects = effects;
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  get state(): CarrierState {
    return this.#state;
  }

  /** The only place that changes the state. */
  move(next: CarrierState): void {
    if (!mayMove(this.#state, next)) throw new RangeError(`no move from ${this.#state} to ${next}`);
    this.#state = next;
    this.#effects.moved(next);
  }

  /** Whether a sign of life is awaited. */
  get awaiting(): boolean {
    if (this.#receiver.paused) return false;
    if (this.#state === "parking") return true;
    return this.#sender.retained > 0 || this.#receiver.held > 0 || !this.#effects.idle();
  }

  /** Bytes come or go: nothing is parked. */
  used(): void {
    if (this.#state === "parking") this.move("up");
  }

  /** The highest generation of lanes so far. */
  get generation(): number {
    return this.#generation;
  }

  /** A lane joined: a higher generation takes the place of all lanes of lower ones. */
  joined(lane: LaneState): void {
    if (lane.generation > this.#generation) {
      this.#generation = lane.generation;
      for (const old of this.#lanes.list()) this.drop(old, "terminate");
    }
    this.#lanes.add(lane);
    if (this.#receiver.paused) this.#effects.pause(lane.id, true);
    this.#wanting = false;
    if (this.#state !== "up") this.move("up");
  }

  /** Something came on a lane that was silent. True when the pipe is up again for it. */
  heardAgain(lane: LaneState): boolean {
    lane.silent = false;
    if (this.#state !== "resuming") return false;
    this.move("up");
    return true;
  }

  /** A parked pipe wants lanes again. */
  wake(): void {
    if (this.#state !== "parked") return;
    this.move("resuming");
    this.#want("unpark");
  }

  /** Forgets a lane: what was under way on it goes out again. */
  drop(lane: LaneState, how: "close" | "terminate" | null): void {
    this.#lanes.remove(lane);
    this.#sender.laneGone(lane);
    if (how !== null) this.#effects[how](lane.id);
  }

  /** A lane gives no sign of life: what was under way on it goes out again, and it is kept in case that it does. */
  silent(lane: LaneState): void {
    if (this.#state === "parking") this.drop(lane, "terminate");
    else this.#sender.laneGone(lane);
    this.lacking("silent");
  }

  /** A lane is missing: goes on with the others, asks for new ones, or does without while nobody needs any. */
  lacking(reason: LaneReason): void {
    if (this.#state === "parking" && this.#lanes.size === 0) this.move("parked");
    if (this.#state !== "up" && this.#state !== "parking") return;
    if (!this.#lanes.answers) {
      const needless = this.#lanes.size === 0 && this.#quiet && this.#effects.idle();
      this.move(needless ? "parked" : "resuming");
      if (needless) return;
    }
    this.#want(reason);
  }

  #want(reason: LaneReason): void {
    if (this.#wanting) return;
    this.#wanting = true;
    this.#effects.wantLane(reason);
  }

  // ---- parking ----------------------------------------------------------------------------------------

  /** Says PARK, if nothing is under way. False when something is. */
  park(): boolean {
    if (this.#state !== "up" || !this.#quiet) return false;
    this.move("parking");
    for (const lane of this.#lanes.list()) {
      this.#lanes.send(lane, [encodePark(lane.numberOut, this.#sender.written, this.#receiver.received)]);
    }
    return true;
  }

  /** The peer parks, with so much sent and received. @throws FairleadError session.malformed */
  peerParks(sent: number, received: number): void {
    if (sent > this.#receiver.received) {
      throw new FairleadError("session.malformed", "the peer parks over bytes that did not arrive");
    }
    // Bytes are under way after all: the peer will see them, or its own come.
    if (sent < this.#receiver.received || received < this.#sender.written) return;
    if (this.#effects.idle()) this.park();
    if (this.#state !== "parking") return;
    for (const lane of this.#lanes.list()) this.drop(lane, "close");
    this.move("parked");
  }

  /** Nothing is under way in either direction, as far as this side knows. */
  get #quiet(): boolean {
    return this.#sender.retained === 0 && this.#receiver.held === 0 && !this.#sender.ending;
  }
}
