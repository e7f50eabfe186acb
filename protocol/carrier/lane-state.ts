/** What a pipe knows of one of its lanes: what is under way on it, whether it answers, how long that takes. */
import { FairleadError } from "../errors.ts";
import type { Range } from "./send-buffer.ts";

/** Silence after which a lane that should have answered is dead: at least this, and this many round trips. */
export const DEAD_MS = 5000;
const DEAD_ROUND_TRIPS = 8;
/** However slow the last answers were. */
const DEAD_AT_MOST_MS = 60_000;
/** Silence after which a lane is asked for a sign of life. */
export const PING_AFTER_MS = 1000;
/** The round trip is measured at least as often while bytes flow. */
export const MEASURE_EVERY_MS = 5000;

export class LaneState {
  readonly id: number;
  readonly generation: number;
  /** Numbers of the next message each way. */
  numberOut = 0;
  numberIn = 0;
  /** Takes no more for now. */
  full = false;
  /** Got an acknowledgement although it was full. */
  squeezed = false;
  /** Gave no sign of life in time; it is used no more, unless it gives one after all. */
  silent = false;
  /** When something last came, ms. */
  heardAt: number;
  /** What went out on it, ascending but for replays; a prefix of it is acknowledged. */
  #under: Range[] = [];
  #ping: {
    readonly id: number;
    readonly at: number;
    readonly acked: number;
    readonly promised: number;
    readonly alone: boolean;
  } | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #nextPing = 0;
  #rtt: number | null = null;
  /** The PING to answer when the lane takes messages again. */
  owedPong: number | null = null;

  /** Times that {@link DEAD_MS} is stretched. */
  readonly #patience: number;
  readonly #expected: number;
  /** Something that went out on it was acknowledged. */
  useful = false;

  /** @param expected round trip before one was measured, ms */
  constructor(id: number, generation: number, now: number, patience: number, expected = 0) {
    this.id = id;
    this.generation = generation;
    this.heardAt = now;
    this.#patience = patience;
    this.#expected = expected;
  }

  /** Smoothed round trip, ms; null until measured. */
  get rtt(): number | null {
    return this.#rtt;
  }

  /** Silence that means death, ms. */
  get deadAfterMs(): number {
    return Math.min(
      DEAD_AT_MOST_MS,
      Math.max(DEAD_MS * this.#patience, DEAD_ROUND_TRIPS * (this.#rtt ?? this.#expected)),
    );
  }

  /** Remembers what went out. */
  sent({ from, to }: Range): void {
    const last = this.#under.at(-1);
    if (last !== undefined && last.to === from) last.to = to;
    else this.#under.push({ from, to });
  }

  acknowledged(acked: number): void {
    let gone = 0;
    for (const range of this.#under) {
      if (range.to > acked) break;
      gone++;
    }
    if (gone === 0) return;
    this.#under.splice(0, gone);
    this.useful = true;
  }

  /**
   * Up to where the peer must have everything once it reads what goes out now: below it, all was acknowledged or
   * went out on this lane, which keeps its order.
   */
  promised(acked: number): number {
    let reached = acked;
    for (const { from, to } of [...this.#under].sort((left, right) => left.from - right.from)) {
      if (from > reached) break;
      reached = Math.max(reached, to);
    }
    return reached;
  }

  /** What may not have arrived; forgets it. */
  takeUnder(): Range[] {
    const under = this.#under;
    this.#under = [];
    return under;
  }

  /** When to ping next, ms, given whether an answer is awaited; infinity for not at all. */
  pingAt(awaited: boolean): number {
    // One at a time: a lane keeps its order, so a second one would tell nothing.
    if (!awaited || this.#ping !== null) return Number.POSITIVE_INFINITY;
    return Math.min(this.heardAt + PING_AFTER_MS, this.#measuredAt + MEASURE_EVERY_MS);
  }

  /** When to call it dead, ms. Only who was asked can be silent. */
  deadAt(): number {
    if (this.#ping === null || this.silent) return Number.POSITIVE_INFINITY;
    return Math.max(this.heardAt, this.#ping.at - PING_AFTER_MS) + this.deadAfterMs;
  }

  /**
   * Remembers a ping that goes out now, with what was acknowledged or promised by now and whether little else is
   * under way, and gives its id.
   */
  ping(now: number, acked: number, alone: boolean): number {
    const id = this.#nextPing;
    this.#nextPing = (id + 1) >>> 0;
    this.#ping = { id, at: now, acked, promised: this.promised(acked), alone };
    return id;
  }

  /**
   * The answer came, and says what the peer has received. Returns how long it took, ms, and whether little else was
   * under way; null for one that was not waited for.
   * @throws FairleadError session.malformed for one that says less than was acknowledged or promised before its PING.
   */
  pong(id: number, now: number, received: number): { readonly took: number; readonly alone: boolean } | null {
    if (this.#ping?.id !== id) return null;
    const { acked, promised, alone } = this.#ping;
    const took = now - this.#ping.at;
    this.#rtt = this.#rtt === null ? took : this.#rtt + (took - this.#rtt) / 8;
    // A path that became slower must be believed at once, or it is called dead.
    this.#rtt = Math.max(this.#rtt, took / 2);
    this.#ping = null;
    this.#measuredAt = now;
    if (received < acked) {
      throw new FairleadError("session.malformed", "acknowledgements came that the peer never sent");
    }
    if (received < promised) {
      throw new FairleadError(
        "session.malformed",
        "bytes went out on a lane that the peer did not get from it",
      );
    }
    return { took, alone };
  }

  /** This process did not run for a while: what the lane did meanwhile is not known. */
  forgive(now: number): void {
    this.heardAt = now;
    this.#ping = null;
  }
}
