/**
 * One direction of a pipe, outwards: bytes wait for lanes that take them, go out, are kept until they are
 * acknowledged, and go out again when their lane is gone. At last the END.
 */
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import { InflightLimit, LITTLE } from "./inflight-limit.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { DEFAULT_WINDOW_BYTES, encodeDataHeader, encodeEnd, MAX_DATA } from "./messages.ts";
import { type Range, SendBuffer } from "./send-buffer.ts";

/** Bytes that may wait for a lane before `write` asks to wait: more would only delay what comes later. */
export const UNSENT_BYTES = 64 * 1024;

export class Sender {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #out = new SendBuffer();
  readonly #flight: InflightLimit;
  readonly #replayBytes: number;
  /** What the peer keeps for want of earlier bytes. */
  #peerWindow = DEFAULT_WINDOW_BYTES;
  /** The writer was asked to wait. */
  #pushedBack = false;
  /** Our side ends once everything was sent. */
  #ending = false;
  #endSent = false;

  constructor(lanes: LaneSet, effects: CarrierEffects, limits: CarrierLimits) {
    this.#lanes = lanes;
    this.#effects = effects;
    this.#replayBytes = limits.replayBytes ?? DEFAULT_WINDOW_BYTES;
    this.#flight = new InflightLimit(limits.leastFlightBytes);
  }

  /** Bytes given to lanes. */
  get sent(): number {
    return this.#out.sent;
  }
  get written(): number {
    return this.#out.written;
  }
  get acked(): number {
    return this.#out.acked;
  }
  /** Bytes kept for the peer. */
  get retained(): number {
    return this.#out.retained;
  }
  /** The path is as good as empty. */
  get alone(): boolean {
    return this.#out.retained <= LITTLE;
  }
  get ending(): boolean {
    return this.#ending;
  }
  /** Everything arrived, and the END went out. */
  get finished(): boolean {
    return this.#ending && this.#endSent && this.#out.retained === 0;
  }

  /** Takes bytes. @throws FairleadError session.closed when the pipe has carried all that it can number. */
  push(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#out.push(chunk);
  }

  /** After a write: whether the writer is to wait. */
  pushBack(): boolean {
    this.#pushedBack = !this.#writable();
    return this.#pushedBack;
  }

  end(): void {
    this.#ending = true;
  }

  /** A lane came: what was learnt of the path is of another one, and the END may be lost. */
  laneJoined(peerWindow: number = DEFAULT_WINDOW_BYTES): void {
    this.#peerWindow = peerWindow;
    this.#flight.moved();
    this.#endSent = false;
  }

  /** What may not have arrived goes out again. */
  laneGone(lane: LaneState): void {
    this.#out.lost(lane.takeUnder());
  }

  /** The peer has every byte below. @throws FairleadError session.malformed for bytes never sent. */
  acknowledged(received: number): void {
    this.#out.acknowledge(received);
    this.#flight.acknowledged(received, this.#effects.now());
    for (const lane of this.#lanes.all()) lane.acknowledged(this.#out.acked);
  }

  /** A PING was answered after `took` ms. */
  measured(took: number, alone: boolean): void {
    this.#flight.measured(took, alone);
  }

  /** Sends what lanes take, while `up` says that the pipe still is: sending may end it all. */
  flush(up: () => boolean): void {
    const limit = Math.min(this.#replayBytes, this.#peerWindow, this.#flight.limit);
    for (let lane = this.#lanes.ready(); lane !== null; lane = this.#lanes.ready()) {
      const range = this.#out.take(MAX_DATA, limit);
      if (range === null) break;
      this.#sendRange(lane, range);
      if (!up()) return;
    }
    this.#sendEnd();
  }

  /** The writer may go on, if it was asked to wait and there is room. */
  release(): void {
    if (!this.#pushedBack || !this.#writable()) return;
    this.#pushedBack = false;
    this.#effects.drained();
  }

  clear(): void {
    this.#out.clear();
  }

  #sendRange(lane: LaneState, range: Range): void {
    const pieces: Uint8Array[] = [encodeDataHeader(lane.numberOut, range.from)];
    this.#out.slices(range, pieces);
    lane.sent(range);
    this.#flight.sent(range.to, this.#out.acked, this.#effects.now());
    this.#lanes.send(lane, pieces);
  }

  #sendEnd(): void {
    if (!this.#ending || this.#endSent || this.#out.unsent > 0 || this.#out.replays) return;
    const lane = this.#lanes.ready();
    if (lane === null) return;
    this.#endSent = true;
    this.#lanes.send(lane, [encodeEnd(lane.numberOut, this.#out.written, "")]);
  }

  #writable(): boolean {
    return this.#out.unsent <= UNSENT_BYTES && this.#out.retained < this.#replayBytes;
  }
}
