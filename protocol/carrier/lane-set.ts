/** The lanes of a pipe: which of them takes bytes now, and which takes an answer. */
import type { CarrierEffects } from "./effects.ts";
import type { LaneState } from "./lane-state.ts";
import { nextNumber } from "./messages.ts";

export class LaneSet {
  readonly #effects: CarrierEffects;
  readonly #all = new Map<number, LaneState>();
  /** The lane that bytes go to while it takes them. */
  #current: LaneState | null = null;
  /** When something last came on a lane that is gone, ms. */
  #heardBefore: number | null = null;

  constructor(effects: CarrierEffects) {
    this.#effects = effects;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether one of them is not silent. */
  get answers(): boolean {
    for (const lane of this.#all.values()) if (!lane.silent) return true;
    return false;
  }

  /** Smoothed round trip of the fastest lane, ms; null before it was measured. */
  get rtt(): number | null {
    let best: number | null = null;
    for (const { rtt } of this.#all.values()) if (rtt !== null && rtt < (best ?? rtt + 1)) best = rtt;
    return best;
  }

  /** When something last came, ms; null before that. A lane's preface is something. */
  get heardAt(): number | null {
    let last = this.#heardBefore;
    for (const { heardAt } of this.#all.values()) if (last === null || heardAt > last) last = heardAt;
    return last;
  }

  get(id: number): LaneState | undefined {
    return this.#all.get(id);
  }

  /** Not to be changed while it is walked through; {@link list} may. */
  all(): Iterable<LaneState> {
    return this.#all.values();
  }

  list(): LaneState[] {
    return [...this.#all.values()];
  }

  add(lane: LaneState): void {
    this.#all.set(lane.id, lane);
  }

  remove(lane: LaneState): void {
    this.#heardBefore = Math.max(this.#heardBefore ?? lane.heardAt, lane.heardAt);
    this.#all.delete(lane.id);
    this.rest(lane);
  }

  /** No bytes go to this lane for now. */
  rest(lane: LaneState): void {
    if (this.#current === lane) this.#current = null;
  }

  /** Forgets all of them, and returns them. */
  clear(): LaneState[] {
    const all = this.list();
    this.#all.clear();
    this.#current = null;
    return all;
  }

  /** A lane that takes bytes: the same as before while it does, so that bytes mostly arrive in order. */
  ready(): LaneState | null {
    if (this.#current !== null && takes(this.#current)) return this.#current;
    this.#current = null;
    for (const lane of this.#all.values()) if (takes(lane)) this.#current = lane;
    return this.#current;
  }

  /** A lane for an acknowledgement: one that is not full, or that got none since it became full. */
  answering(): LaneState | null {
    const ready = this.ready();
    if (ready !== null) return ready;
    for (const lane of this.#all.values()) if (!lane.silent && !lane.squeezed) return lane;
    return null;
  }

  /** Sends a message that has the lane's next number. */
  send(lane: LaneState, pieces: readonly Uint8Array[]): void {
    lane.numberOut = nextNumber(lane.numberOut);
    if (!this.#effects.send(lane.id, pieces)) lane.full = true;
  }

  /** Stops or starts reading all of them. */
  pause(paused: boolean): void {
    for (const lane of this.#all.values()) this.#effects.pause(lane.id, paused);
  }

  /** This process did not run or read for a while. */
  forgive(now: number): void {
    for (const lane of this.#all.values()) lane.forgive(now);
  }
}

function takes(lane: LaneState): boolean {
  return !lane.full && !lane.silent;
}
