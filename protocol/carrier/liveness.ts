/**
 * The timed work of a carrier: delayed ACKs, PINGs, and detection of silent lanes (docs/protocol.md, "Version
 * 2").
 */
import type { CarrierEffects } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { encodePing } from "./messages.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

/** Upper bound of {@link Liveness.silenceFactor}. */
const MAX_SILENCE_FACTOR = 12;
/** An alarm that is late by more than this means that the process did not run, ms. */
const SUSPENDED_MS = 1000;

/** The timed work of one carrier. */
export class Liveness {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  #alarmAt = Number.POSITIVE_INFINITY;
  #silenceFactor = 1;

  constructor(effects: CarrierEffects, lanes: LaneSet, sender: Sender, receiver: Receiver) {
    this.#effects = effects;
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /**
   * Factor of a new lane's silence limit. It doubles with each lane that fell silent before it delivered
   * anything: a single message may take longer on this path than a lane has time to reply.
   */
  get silenceFactor(): number {
    return this.#silenceFactor;
  }

  /** Handles the alarm: sends a due ACK, and restarts the silence limits if this process was suspended. */
  alarmFired(now: number): void {
    const late = now - this.#alarmAt;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (late > SUSPENDED_MS) this.#lanes.resetLiveness(now);
    if (now >= this.#receiver.ackDueAt) this.#receiver.acknowledge();
  }

  /**
   * Sends the PINGs that are due, while a reply is expected. Marks the lanes that became silent and returns
   * them.
   */
  probe(now: number, expectsReply: boolean): LaneState[] {
    const silent: LaneState[] = [];
    for (const lane of this.#lanes.list()) {
      if (now >= lane.pingDueAt(expectsReply)) {
        const id = lane.startPing(now, this.#sender.acked, this.#sender.onIdlePath);
        this.#lanes.send(lane, [encodePing(lane.numberOut, id, this.#receiver.received)]);
      }
      if (now < this.#silentAt(lane)) continue;
      lane.silent = true;
      this.#silenceFactor = lane.hasDelivered ? 1 : Math.min(this.#silenceFactor * 2, MAX_SILENCE_FACTOR);
      this.#lanes.deselect(lane);
      silent.push(lane);
    }
    return silent;
  }

  /** Schedules the alarm for what is due next. */
  schedule(expectsReply: boolean): void {
    let at = this.#receiver.ackDueAt;
    for (const lane of this.#lanes.all()) {
      at = Math.min(at, lane.pingDueAt(expectsReply), this.#silentAt(lane));
    }
    if (at === this.#alarmAt) return;
    // An alarm that fires too early costs less than one that is moved with every message.
    if (this.#alarmAt < at && this.#alarmAt !== Number.POSITIVE_INFINITY) return;
    this.#alarmAt = at;
    this.#effects.alarm(at === Number.POSITIVE_INFINITY ? null : Math.max(0, at - this.#effects.now()));
  }

  /** A carrier that does not read cannot tell that a lane is silent. */
  #silentAt(lane: LaneState): number {
    return this.#receiver.paused ? Number.POSITIVE_INFINITY : lane.silentAt();
  }
}
