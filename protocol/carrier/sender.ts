/**
 * The sending half of a carrier: sends bytes on writable lanes and retransmits them (docs/protocol.md,
 * "Version 2").
 */
import type { CarrierEffects, CarrierLimits } from "./effects.ts";
import { IDLE_PATH_BYTES, InflightLimit } from "./inflight-limit.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState, RoundTrip } from "./lane-state.ts";
import { DEFAULT_WINDOW_BYTES, encodeDataHeader, encodeEnd, MAX_DATA } from "./messages.ts";
import { type ByteRange, SendBuffer } from "./send-buffer.ts";

/** Unsent bytes before `write` exerts backpressure. More would only delay what is written later. */
export const UNSENT_BYTES = 64 * 1024;

/** The sending half of one carrier. */
export class Sender {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #buffer = new SendBuffer();
  readonly #inflight: InflightLimit;
  readonly #replayBytes: number;
  /** Out-of-order bytes that the peer keeps. */
  #peerWindow = DEFAULT_WINDOW_BYTES;
  /** The writer waits for `drained`. */
  #writerWaits = false;
  /** An END follows the written bytes. */
  #ending = false;
  #endSent = false;

  constructor(lanes: LaneSet, effects: CarrierEffects, limits: CarrierLimits) {
    this.#lanes = lanes;
    this.#effects = effects;
    this.#replayBytes = limits.replayBytes ?? DEFAULT_WINDOW_BYTES;
    this.#inflight = new InflightLimit(limits.minInflightBytes);
  }

  /** Bytes sent at least once. */
  get sent(): number {
    return this.#buffer.sent;
  }
  /** Bytes written in all. */
  get written(): number {
    return this.#buffer.written;
  }
  /** Every byte below was acknowledged. */
  get acked(): number {
    return this.#buffer.acked;
  }
  /** Bytes that were not acknowledged. */
  get retained(): number {
    return this.#buffer.retained;
  }
  /** Whether little is in flight. */
  get onIdlePath(): boolean {
    return this.#buffer.retained <= IDLE_PATH_BYTES;
  }
  /** Whether an END follows the written bytes. */
  get ending(): boolean {
    return this.#ending;
  }
  /** Whether the END was sent and every byte acknowledged. */
  get finished(): boolean {
    return this.#ending && this.#endSent && this.#buffer.retained === 0;
  }

  /** Buffers bytes. @throws FairleadError session.closed when the carrier has used up its offsets. */
  push(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#buffer.push(chunk);
  }

  /** Decides after a write whether the writer must wait for `drained`. */
  checkBackpressure(): boolean {
    this.#writerWaits = !this.#writable();
    return this.#writerWaits;
  }

  /** Lets an END follow the written bytes. */
  end(): void {
    this.#ending = true;
  }

  /** A lane joined: measurements belong to another path, and the END may have been lost. */
  laneJoined(peerWindow: number = DEFAULT_WINDOW_BYTES): void {
    this.#peerWindow = peerWindow;
    this.#inflight.pathChanged();
    this.#endSent = false;
  }

  /** Marks the lane's unacknowledged bytes for retransmission. */
  laneLost(lane: LaneState): void {
    this.#buffer.markLost(lane.takeUnacked());
  }

  /** The peer has received every byte below. @throws FairleadError session.malformed for bytes never sent. */
  receiveAck(received: number): void {
    this.#buffer.acknowledge(received);
    this.#inflight.noteAcked(received, this.#effects.now());
    for (const lane of this.#lanes.all()) lane.noteAcked(this.#buffer.acked);
  }

  /** Notes a round trip that a PING measured. */
  noteRoundTrip({ ms, onIdlePath }: RoundTrip): void {
    this.#inflight.noteRoundTrip(ms, onIdlePath);
  }

  /** Sends what the lanes take, as long as `isUp`: sending may end the carrier. */
  flush(isUp: () => boolean): void {
    const limit = Math.min(this.#replayBytes, this.#peerWindow, this.#inflight.bytes);
    for (let lane = this.#lanes.writable(); lane !== null; lane = this.#lanes.writable()) {
      const range = this.#buffer.take(MAX_DATA, limit);
      if (range === null) break;
      this.#sendRange(lane, range);
      if (!isUp()) return;
    }
    this.#sendEnd();
  }

  /** Calls `drained` if the writer waits and there is room. */
  releaseWriter(): void {
    if (!this.#writerWaits || !this.#writable()) return;
    this.#writerWaits = false;
    this.#effects.drained();
  }

  /** Drops what was not acknowledged. */
  clear(): void {
    this.#buffer.clear();
  }

  #sendRange(lane: LaneState, range: ByteRange): void {
    const pieces: Uint8Array[] = [encodeDataHeader(lane.numberOut, range.from)];
    this.#buffer.slices(range, pieces);
    lane.noteSent(range);
    this.#inflight.noteSent(range.to, this.#buffer.acked, this.#effects.now());
    this.#lanes.send(lane, pieces);
  }

  #sendEnd(): void {
    if (!this.#ending || this.#endSent || this.#buffer.unsent > 0 || this.#buffer.hasLost) return;
    const lane = this.#lanes.writable();
    if (lane === null) return;
    this.#endSent = true;
    this.#lanes.send(lane, [encodeEnd(lane.numberOut, this.#buffer.written, "")]);
  }

  #writable(): boolean {
    return this.#buffer.unsent <= UNSENT_BYTES && this.#buffer.retained < this.#replayBytes;
  }
}
