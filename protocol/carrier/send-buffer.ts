/**
 * What this side sends: the bytes that the peer has not acknowledged, and which of them are to be sent (again).
 * Offsets count the bytes of the pipe. Nothing is copied: messages are slices of what was written.
 */
import { FairleadError } from "../errors.ts";
import { MAX_OFFSET } from "./messages.ts";

/** Bytes from `from` up to, without, `to`. */
export interface Range {
  from: number;
  to: number;
}

/** Slices forgotten chunks off the list only now and then: each time costs the length of the list. */
const COMPACT_AT = 256;

export class SendBuffer {
  /** Chunks in order; those before `#first` are acknowledged. */
  #chunks: Uint8Array[] = [];
  /** Offset of each chunk's first byte. */
  #offsets: number[] = [];
  #first = 0;
  #acked = 0;
  #next = 0;
  #written = 0;
  /** To be sent again, ascending, apart from each other. All below `#next`. */
  #again: Range[] = [];

  /** Every byte below was acknowledged. */
  get acked(): number {
    return this.#acked;
  }
  /** Every byte below was given to some lane at least once. */
  get sent(): number {
    return this.#next;
  }
  /** Bytes written in all. */
  get written(): number {
    return this.#written;
  }
  /** Bytes that wait for a lane for the first time. */
  get unsent(): number {
    return this.#written - this.#next;
  }
  /** Bytes kept. */
  get retained(): number {
    return this.#written - this.#acked;
  }
  get replays(): boolean {
    return this.#again.length > 0;
  }

  /** @throws FairleadError session.closed when the pipe has carried all that it can number. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#written + chunk.length > MAX_OFFSET) {
      throw new FairleadError("session.closed", "the session has carried all that it can");
    }
    this.#chunks.push(chunk);
    this.#offsets.push(this.#written);
    this.#written += chunk.length;
  }

  /**
   * The next range to send, at most `size` bytes: what was lost before what is new, and nothing new beyond
   * `limit` bytes unacknowledged. Null when there is none. Marks it as sent.
   */
  take(size: number, limit: number): Range | null {
    const again = this.#again[0];
    if (again !== undefined) {
      const range = { from: again.from, to: Math.min(again.to, again.from + size) };
      if (range.to === again.to) this.#again.shift();
      else again.from = range.to;
      return range;
    }
    const to = Math.min(this.#written, this.#next + size, this.#acked + limit);
    if (to <= this.#next) return null;
    const range = { from: this.#next, to };
    this.#next = to;
    return range;
  }

  /** The bytes of a range that is kept, added to `into` as slices. */
  slices(range: Range, into: Uint8Array[]): void {
    let at = this.#find(range.from);
    for (let from = range.from; from < range.to; at++) {
      const chunk = this.#chunks[at];
      const offset = this.#offsets[at];
      if (chunk === undefined || offset === undefined) throw new RangeError("bytes that are not kept");
      const end = Math.min(chunk.length, range.to - offset);
      into.push(from === offset && end === chunk.length ? chunk : chunk.subarray(from - offset, end));
      from = offset + end;
    }
  }

  /** The peer has every byte below `received`. @throws FairleadError session.malformed for bytes never sent. */
  acknowledge(received: number): void {
    if (received > this.#next) {
      throw new FairleadError("session.malformed", "the peer acknowledges bytes that were never sent");
    }
    if (received <= this.#acked) return;
    this.#acked = received;
    while (this.#first < this.#chunks.length) {
      const chunk = this.#chunks[this.#first];
      const offset = this.#offsets[this.#first];
      if (chunk === undefined || offset === undefined || offset + chunk.length > received) break;
      // The list may stay long for a while; what it holds must not.
      this.#chunks[this.#first++] = NOTHING;
    }
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#offsets = this.#offsets.slice(this.#first);
      this.#first = 0;
    }
    while (this.#again[0] !== undefined && this.#again[0].from < received) {
      if (this.#again[0].to > received) this.#again[0].from = received;
      else this.#again.shift();
    }
  }

  /** Ranges that went out on a lane that is gone are to be sent again, unless they were acknowledged. */
  lost(ranges: readonly Range[]): void {
    const all = [...this.#again];
    for (const { from, to } of ranges) {
      if (to > this.#acked) all.push({ from: Math.max(from, this.#acked), to });
    }
    all.sort((left, right) => left.from - right.from);
    const merged: Range[] = [];
    for (const range of all) {
      const last = merged.at(-1);
      if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
      else merged.push({ ...range });
    }
    this.#again = merged;
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks = [];
    this.#offsets = [];
    this.#first = 0;
    this.#again = [];
    this.#acked = this.#written;
    this.#next = this.#written;
  }

  /** Index of the chunk with this offset: the last that begins at or before it. */
  #find(offset: number): number {
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

const NOTHING = new Uint8Array(0);
