/**
 * How much may be under way. What the path does not hold only waits in somebody's queue, and whatever comes later
 * waits behind it: so no more goes out than twice what the path holds, rate × round trip.
 *
 * The rate is the fastest of the last seconds at which bytes were acknowledged. The round trip is the shortest that
 * was seen on the present lanes: by PING, and by acknowledgements, which may wait at the peer before they go out. A
 * PING sent while little was under way counts even if it took longer, for a path may become slower; one sent in the
 * middle of much contains the very queue that is to be kept short. The limit can double with each round trip, as
 * the rate it is found from was limited by it.
 */

/** Always allowed, bytes: with less, acknowledgements, which come every 256 KiB, would set the pace. */
const LEAST_FLIGHT = 1024 * 1024;
/** Times what the path holds. */
const GAIN = 2;
/** With no more than this under way the path is as good as empty, bytes. */
export const LITTLE = 64 * 1024;
/** A rate is measured over at least so long, ms, and believed for so long. */
const MEASURE_MS = 5;
const BELIEVE_MS = 10_000;
/** Bytes between two points whose time is remembered. */
const POINT_BYTES = 64 * 1024;

interface Point {
  /** The byte behind the last one that went out then. */
  readonly to: number;
  readonly at: number;
}

export class InflightLimit {
  readonly #least: number;
  #points: Point[] = [];
  #roundTrip: number | null = null;
  /** Bytes per ms: the best of this period and of the one before. */
  #best = 0;
  #former = 0;
  #periodAt = 0;
  /** Where the measurement of the rate began. Times without bytes only make it too low, and the best counts. */
  #fromByte = 0;
  #fromTime = Number.NEGATIVE_INFINITY;

  /** @param least bytes that are always allowed */
  constructor(least: number = LEAST_FLIGHT) {
    this.#least = least;
  }

  /** Bytes that may be under way. */
  get limit(): number {
    if (this.#roundTrip === null) return this.#least;
    const rate = Math.max(this.#best, this.#former);
    return Math.max(this.#least, Math.floor(GAIN * rate * this.#roundTrip));
  }

  /** ms; null before there was one. */
  get roundTrip(): number | null {
    return this.#roundTrip;
  }

  /** Bytes up to `to` went out, where `acked` had been acknowledged. */
  sent(to: number, acked: number, now: number): void {
    if (this.#fromTime === Number.NEGATIVE_INFINITY) this.#restart(acked, now);
    const last = this.#points.at(-1);
    if (last !== undefined && to - last.to < POINT_BYTES) return;
    this.#points.push({ to, at: now });
  }

  /** The peer has everything below `acked`. */
  acknowledged(acked: number, now: number): void {
    let newest: Point | undefined;
    let gone = 0;
    for (const point of this.#points) {
      if (point.to > acked) break;
      newest = point;
      gone++;
    }
    if (newest === undefined) return;
    this.#points.splice(0, gone);
    this.#shorter(now - newest.at);
    const elapsed = now - this.#fromTime;
    if (elapsed < Math.max(MEASURE_MS, this.#roundTrip ?? 0)) return;
    this.#believe((acked - this.#fromByte) / elapsed, now);
    this.#restart(acked, now);
  }

  /** A PING was answered after `took` ms; `alone` when no more than {@link LITTLE} was under way as it went out. */
  measured(took: number, alone: boolean): void {
    if (alone) this.#roundTrip = took;
    else this.#shorter(took);
  }

  /** Other lanes: what was learnt of the round trip is of another path, and no acknowledgement tells the rate. */
  moved(): void {
    this.#points = [];
    this.#roundTrip = null;
    this.#fromTime = Number.NEGATIVE_INFINITY;
  }

  #restart(byte: number, now: number): void {
    this.#fromByte = byte;
    this.#fromTime = now;
  }

  #shorter(took: number): void {
    if (this.#roundTrip === null || took < this.#roundTrip) this.#roundTrip = took;
  }

  #believe(rate: number, now: number): void {
    if (now - this.#periodAt >= BELIEVE_MS) {
      this.#former = this.#best;
      this.#best = 0;
      this.#periodAt = now;
    }
    this.#best = Math.max(this.#best, rate);
  }
}
