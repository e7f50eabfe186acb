/**
 * Limits bytes in flight to 2 × BDP (delivery rate × min RTT). Anything beyond that only builds a queue that
 * later messages wait behind. The limit is the sender's own policy (docs/protocol.md, "Version 2").
 *
 * The delivery rate is the best rate of acknowledgement of the last seconds. The min RTT is the shortest seen
 * on the present lanes, by PING and by acknowledgements, which the peer may delay. A PING sent on an idle
 * path replaces the min RTT even when it took longer, because a path can become slower. A PING sent on a busy
 * path measures the queue.
 *
 * The limit bounds the rate that it is derived from, so it must be able to grow: it can double with each
 * round trip.
 */

/** Bytes always allowed. ACKs come every 256 KiB, so a smaller limit would make them set the pace. */
const MIN_INFLIGHT = 1024 * 1024;
/** Multiples of the BDP that may be in flight. */
const GAIN = 2;
/** The path counts as idle with at most this many bytes in flight. */
export const IDLE_PATH_BYTES = 64 * 1024;
/** A rate is measured over this time at least, ms. */
const MEASURE_MS = 5;
/** A rate counts for one period at least and two at most, ms. */
const PERIOD_MS = 10_000;
/** Distance of two checkpoints, bytes. */
const CHECKPOINT_BYTES = 64 * 1024;

/** A send time to compare with an acknowledgement. */
interface Checkpoint {
  /** Offset behind the last byte sent then. */
  readonly to: number;
  readonly at: number;
}

/** The limit of bytes in flight for one carrier. */
export class InflightLimit {
  readonly #min: number;
  #checkpoints: Checkpoint[] = [];
  #roundTrip: number | null = null;
  /** Best delivery rate of this period and of the one before, bytes per ms. */
  #best = 0;
  #bestBefore = 0;
  #periodAt = 0;
  /**
   * Where and when the measurement of the rate began. Pauses only make it too low, and the best rate counts.
   */
  #fromByte = 0;
  #fromTime = Number.NEGATIVE_INFINITY;

  /** @param min bytes that are always allowed */
  constructor(min: number = MIN_INFLIGHT) {
    this.#min = min;
  }

  /** Bytes that may be in flight. */
  get bytes(): number {
    if (this.#roundTrip === null) return this.#min;
    const rate = Math.max(this.#best, this.#bestBefore);
    return Math.max(this.#min, Math.floor(GAIN * rate * this.#roundTrip));
  }

  /** Min RTT, ms; null before the first measurement. */
  get roundTrip(): number | null {
    return this.#roundTrip;
  }

  /** Bytes up to `to` were sent, with `acked` acknowledged by then. */
  noteSent(to: number, acked: number, now: number): void {
    if (this.#fromTime === Number.NEGATIVE_INFINITY) this.#startRate(acked, now);
    const last = this.#checkpoints.at(-1);
    if (last !== undefined && to - last.to < CHECKPOINT_BYTES) return;
    this.#checkpoints.push({ to, at: now });
  }

  /** The peer has received every byte below `acked`. */
  noteAcked(acked: number, now: number): void {
    let newest: Checkpoint | undefined;
    let passed = 0;
    for (const checkpoint of this.#checkpoints) {
      if (checkpoint.to > acked) break;
      newest = checkpoint;
      passed++;
    }
    if (newest === undefined) return;
    this.#checkpoints.splice(0, passed);
    this.#lower(now - newest.at);
    const elapsed = now - this.#fromTime;
    if (elapsed < Math.max(MEASURE_MS, this.#roundTrip ?? 0)) return;
    this.#noteRate((acked - this.#fromByte) / elapsed, now);
    this.#startRate(acked, now);
  }

  /** The reply to a PING arrived after `ms`. `onIdlePath`: the PING was sent on an idle path. */
  noteRoundTrip(ms: number, onIdlePath: boolean): void {
    if (onIdlePath) this.#roundTrip = ms;
    else this.#lower(ms);
  }

  /** Forgets the min RTT and the running measurement: the lanes lead over another path now. */
  pathChanged(): void {
    this.#checkpoints = [];
    this.#roundTrip = null;
    this.#fromTime = Number.NEGATIVE_INFINITY;
  }

  #startRate(byte: number, now: number): void {
    this.#fromByte = byte;
    this.#fromTime = now;
  }

  #lower(ms: number): void {
    if (this.#roundTrip === null || ms < this.#roundTrip) this.#roundTrip = ms;
  }

  #noteRate(rate: number, now: number): void {
    if (now - this.#periodAt >= PERIOD_MS) {
      this.#bestBefore = this.#best;
      this.#best = 0;
      this.#periodAt = now;
    }
    this.#best = Math.max(this.#best, rate);
  }
}
