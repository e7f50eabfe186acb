/**
 * The send buffer of a carrier: keeps bytes until the peer acknowledges them, and selects the ranges to send.
 *
 * Offsets count the bytes of the carrier. Nothing is copied: messages are slices of what was written.
 */
import { FairleadError } from "../errors.ts";
import { MAX_OFFSET } from "./messages.ts";

/** Bytes at the offsets from `from` up to `to`, `to` excluded. */
export interface ByteRange {
  from: number;
  to: number;
}

/**
 * Acknowledged chunks are cut off the list in this number at least, as each cut copies the rest of the list.
 */
const COMPACT_AT = 256;

const EMPTY = new Uint8Array(0);

/** The send buffer of one carrier. */
export class SendBuffer {
  /** Chunks in order. Those before index `#first` are acknowledged. */
  #chunks: Uint8Array[] = [];
  /** Offset of each chunk's first byte. */
  #offsets: number[] = [];
  #first = 0;
  #acked = 0;
  #next = 0;
  #written = 0;
  /** Ranges to retransmit: ascending, disjoint, below `#next`. */
  #lost: ByteRange[] = [];

  /** Every byte below was acknowledged. */
  get acked(): number {
    return this.#acked;
  }
  /** Every byte below was sent at least once. */
  get sent(): number {
    return this.#next;
  }
  /** Bytes written in all. */
  get written(): number {
    return this.#written;
  }
  /** Bytes that were never sent. */
  get unsent(): number {
    return this.#written - this.#next;
  }
  /** Bytes that were not acknowledged. */
  get retained(): number {
    return this.#written - this.#acked;
  }
  /** Whether ranges are to be retransmitted. */
  get hasLost(): boolean {
    return this.#lost.length > 0;
  }

  /** Appends a chunk. @throws FairleadError session.closed when the carrier has used up its offsets. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#written + chunk.length > MAX_OFFSET) {
      throw new FairleadError("session.closed", "The session has carried as many bytes as it can number.");
    }
    this.#chunks.push(chunk);
    this.#offsets.push(this.#written);
    this.#written += chunk.length;
  }

  /**
   * Takes the next range to send, at most `size` bytes; null when there is none. Lost ranges come first. New
   * bytes need that at most `limit` bytes are unacknowledged.
   */
  take(size: number, limit: number): ByteRange | null {
    const lost = this.#lost[0];
    if (lost !== undefined) {
      const range = { from: lost.from, to: Math.min(lost.to, lost.from + size) };
      if (range.to === lost.to) this.#lost.shift();
      else lost.from = range.to;
      return range;
    }
    const to = Math.min(this.#written, this.#next + size, this.#acked + limit);
    if (to <= this.#next) return null;
    const range = { from: this.#next, to };
    this.#next = to;
    return range;
  }

  /** Appends the bytes of an unacknowledged range to `pieces`, as slices. */
  slices(range: ByteRange, pieces: Uint8Array[]): void {
    let at = this.#indexOf(range.from);
    for (let from = range.from; from < range.to; at++) {
      const chunk = this.#chunks[at];
      const offset = this.#offsets[at];
      if (chunk === undefined || offset === undefined) throw new RangeError("the range is not buffered");
      const end = Math.min(chunk.length, range.to - offset);
      pieces.push(from === offset && end === chunk.length ? chunk : chunk.subarray(from - offset, end));
      from = offset + end;
    }
  }

  /**
   * The peer has received every byte below `received`.
   * @throws FairleadError session.malformed for bytes never sent.
   */
  acknowledge(received: number): void {
    if (received > this.#next) {
      throw new FairleadError("session.malformed", "The peer acknowledges bytes that were never sent.");
    }
    if (received <= this.#acked) return;
    this.#acked = received;
    while (this.#first < this.#chunks.length) {
      const chunk = this.#chunks[this.#first];
      const offset = this.#offsets[this.#first];
      if (chunk === undefined || offset === undefined || offset + chunk.length > received) break;
      // Frees the bytes now. The list itself is cut later.
      this.#chunks[this.#first++] = EMPTY;
    }
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#offsets = this.#offsets.slice(this.#first);
      this.#first = 0;
    }
    while (this.#lost[0] !== undefined && this.#lost[0].from < received) {
      if (this.#lost[0].to > received) this.#lost[0].from = received;
      else this.#lost.shift();
    }
  }

  /** Marks ranges for retransmission, as far as they are unacknowledged. */
  markLost(ranges: readonly ByteRange[]): void {
    const all = [...this.#lost];
    for (const { from, to } of ranges) {
      if (to > this.#acked) all.push({ from: Math.max(from, this.#acked), to });
    }
    all.sort((left, right) => left.from - right.from);
    const merged: ByteRange[] = [];
    for (const range of all) {
      const last = merged.at(-1);
      if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
      else merged.push({ ...range });
    }
    this.#lost = merged;
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks = [];
    this.#offsets = [];
    this.#first = 0;
    this.#lost = [];
    this.#acked = this.#written;
    this.#next = this.#written;
  }

  /** Index of the chunk that holds an offset: the last chunk that begins at or before it. */
  #indexOf(offset: number): number {
    let low = this.#first;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#offsets[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
