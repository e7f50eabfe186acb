/** What a pipe does by the clock: acknowledges in time, asks lanes for signs of life, calls those silent that give none. */
import type { CarrierEffects } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { encodePing } from "./messages.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

const MAX_PATIENCE = 12;
/** An alarm this late means that the process did not run, ms. */
const FROZEN_MS = 1000;

export class Liveness {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  #alarmAt = Number.POSITIVE_INFINITY;
  /**
   * Grows with each lane that fell silent before it was of any use: where one message takes longer than a lane
   * has time to answer, the next lane must get more.
   */
  #patience = 1;

  constructor(effects: CarrierEffects, lanes: LaneSet, sender: Sender, receiver: Receiver) {
    this.#effects = effects;
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Times that a new lane's silence is stretched. */
  get patience(): number {
    return this.#patience;
  }

  /** The alarm went off. What lanes did while this process did not run is not known. */
  rang(now: number): void {
    const late = now - this.#alarmAt;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (late > FROZEN_MS) this.#lanes.forgive(now);
    if (now >= this.#receiver.ackAt) this.#receiver.acknowledge();
  }

  /** Pings lanes that are due, if a sign of life is awaited, and marks those silent that gave none. Returns these. */
  check(now: number, awaiting: boolean): LaneState[] {
    const silent: LaneState[] = [];
    for (const lane of this.#lanes.list()) {
      if (now >= lane.pingAt(awaiting)) {
        const id = lane.ping(now, this.#sender.acked, this.#sender.alone);
        this.#lanes.send(lane, [encodePing(lane.numberOut, id, this.#receiver.received)]);
      }
      if (now < this.#deadAt(lane)) continue;
      lane.silent = true;
      this.#patience = lane.useful ? 1 : Math.min(this.#patience * 2, MAX_PATIENCE);
      this.#lanes.rest(lane);
      silent.push(lane);
    }
    return silent;
  }

  /** Sets the alarm for what is due next. */
  plan(awaiting: boolean): void {
    let at = this.#receiver.ackAt;
    for (const lane of this.#lanes.all()) at = Math.min(at, lane.pingAt(awaiting), this.#deadAt(lane));
    if (at === this.#alarmAt) return;
    // An alarm that comes too early costs less than to move it with every message.
    if (this.#alarmAt < at && this.#alarmAt !== Number.POSITIVE_INFINITY) return;
    this.#alarmAt = at;
    this.#effects.alarm(at === Number.POSITIVE_INFINITY ? null : Math.max(0, at - this.#effects.now()));
  }

  #deadAt(lane: LaneState): number {
    return this.#receiver.paused ? Number.POSITIVE_INFINITY : lane.deadAt();
  }
}
