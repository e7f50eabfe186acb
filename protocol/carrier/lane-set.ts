/** The lanes of a carrier: selects the lane that carries bytes, and the lane that carries an ACK. */
import type { CarrierEffects } from "./effects.ts";
import type { LaneState } from "./lane-state.ts";
import { nextNumber } from "./messages.ts";

/** The lanes of one carrier. */
export class LaneSet {
  readonly #effects: CarrierEffects;
  readonly #lanes = new Map<number, LaneState>();
  /** The lane that carries bytes as long as it takes them. */
  #selected: LaneState | null = null;
  /** When a message last arrived on a lane that was removed, ms. */
  #lastReceivedBefore: number | null = null;

  constructor(effects: CarrierEffects) {
    this.#effects = effects;
  }

  /** The number of lanes. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Whether a lane is not silent. */
  get hasLive(): boolean {
    for (const lane of this.#lanes.values()) if (!lane.silent) return true;
    return false;
  }

  /** Smoothed round trip of the fastest lane, ms; null before the first measurement. */
  get rtt(): number | null {
    let best: number | null = null;
    for (const { rtt } of this.#lanes.values()) if (rtt !== null && rtt < (best ?? rtt + 1)) best = rtt;
    return best;
  }

  /** When a message last arrived on any lane, its preface included, ms; null before the first. */
  get lastReceivedAt(): number | null {
    let last = this.#lastReceivedBefore;
    for (const lane of this.#lanes.values()) {
      if (last === null || lane.lastReceivedAt > last) last = lane.lastReceivedAt;
    }
    return last;
  }

  /** The lane of an id; undefined when the set does not have it. */
  get(id: number): LaneState | undefined {
    return this.#lanes.get(id);
  }

  /** Every lane. The caller must not change the set during the iteration; see {@link list}. */
  all(): Iterable<LaneState> {
    return this.#lanes.values();
  }

  /** Every lane, in an array of its own. */
  list(): LaneState[] {
    return [...this.#lanes.values()];
  }

  /** Adds a lane. */
  add(lane: LaneState): void {
    this.#lanes.set(lane.id, lane);
  }

  /** Removes a lane. */
  remove(lane: LaneState): void {
    this.#lastReceivedBefore = Math.max(this.#lastReceivedBefore ?? lane.lastReceivedAt, lane.lastReceivedAt);
    this.#lanes.delete(lane.id);
    this.deselect(lane);
  }

  /** Removes every lane. Returns them. */
  clear(): LaneState[] {
    const lanes = this.list();
    this.#lanes.clear();
    this.#selected = null;
    return lanes;
  }

  /** Stops sending bytes on the lane for now. */
  deselect(lane: LaneState): void {
    if (this.#selected === lane) this.#selected = null;
  }

  /**
   * The lane for the next bytes; null when none takes any. It stays the same as long as it can, which keeps
   * bytes in order.
   */
  writable(): LaneState | null {
    if (this.#selected !== null && isWritable(this.#selected)) return this.#selected;
    this.#selected = null;
    for (const lane of this.#lanes.values()) if (isWritable(lane)) this.#selected = lane;
    return this.#selected;
  }

  /** The lane for an ACK: a writable one, or a full one that got no ACK since it became full. */
  forAck(): LaneState | null {
    const writable = this.writable();
    if (writable !== null) return writable;
    for (const lane of this.#lanes.values()) if (!lane.silent && !lane.ackedWhileFull) return lane;
    return null;
  }

  /** Sends a message that has the lane's next number. */
  send(lane: LaneState, pieces: readonly Uint8Array[]): void {
    lane.numberOut = nextNumber(lane.numberOut);
    if (!this.#effects.send(lane.id, pieces)) lane.full = true;
  }

  /** Stops or restarts reading every lane. */
  pause(paused: boolean): void {
    for (const lane of this.#lanes.values()) this.#effects.pause(lane.id, paused);
  }

  /** Restarts the silence limits: this process did not run or read for a while. */
  resetLiveness(now: number): void {
    for (const lane of this.#lanes.values()) lane.resetLiveness(now);
  }
}

function isWritable(lane: LaneState): boolean {
  return !lane.full && !lane.silent;
}
