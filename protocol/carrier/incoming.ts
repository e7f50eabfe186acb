/**
 * What this side receives: drops what it has, keeps what is ahead of its turn, hands on the rest in order. What
 * is kept is bounded in bytes, and in pieces, as each costs memory beside its bytes.
 */
import { FairleadError } from "../errors.ts";

/** Stretches of bytes with gaps between them; lanes leave a few, one that is made to leave thousands is refused. */
const MAX_STRETCHES = 4096;
/**
 * Pieces below this size are copied while they wait, small ones together: a slice keeps the whole buffer alive
 * that it was cut from.
 */
const COPY_BELOW = 32 * 1024;
const BLOCK_BYTES = 16 * 1024;

interface Stretch {
  from: number;
  to: number;
  pieces: Uint8Array[];
  /** Free bytes at the end of the last piece, when that is a block for small ones. */
  room: number;
}

export class Incoming {
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #window: number;
  #received = 0;
  /** Ahead of their turn; ascending, apart from each other. */
  #ahead: Stretch[] = [];
  #held = 0;

  /** `window`: bytes beyond the received ones that the peer may send. */
  constructor(window: number, deliver: (bytes: Uint8Array) => void) {
    this.#window = window;
    this.#deliver = deliver;
  }

  /** Every byte below arrived and was handed on. */
  get received(): number {
    return this.#received;
  }
  /** Bytes kept for want of earlier ones. */
  get held(): number {
    return this.#held;
  }

  /** @throws FairleadError session.malformed for bytes beyond the window or in too many parts. */
  take(offset: number, bytes: Uint8Array): void {
    const to = offset + bytes.length;
    if (to > this.#received + this.#window) {
      throw new FairleadError("session.malformed", "the peer sends more than is kept for it");
    }
    if (to <= this.#received) return;
    if (offset > this.#received) {
      this.#keep(offset, bytes);
      return;
    }
    this.#hand(bytes.subarray(this.#received - offset));
    if (this.#ahead.length > 0) this.#handAhead();
  }

  clear(): void {
    this.#ahead = [];
    this.#held = 0;
  }

  #hand(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#deliver(bytes);
  }

  #handAhead(): void {
    for (;;) {
      const first = this.#ahead[0];
      if (first === undefined || first.from > this.#received) return;
      this.#ahead.shift();
      this.#held -= first.to - first.from;
      let skip = this.#received - first.from;
      for (const [at, piece] of first.pieces.entries()) {
        const last = at === first.pieces.length - 1;
        const whole = last && first.room > 0 ? piece.subarray(0, piece.length - first.room) : piece;
        if (skip < whole.length) this.#hand(skip === 0 ? whole : whole.subarray(skip));
        skip = Math.max(0, skip - whole.length);
      }
    }
  }

  /** Keeps what is new of a piece: it may fill several gaps. */
  #keep(offset: number, bytes: Uint8Array): void {
    const to = offset + bytes.length;
    let at = this.#firstAfter(offset);
    let from = offset;
    while (from < to) {
      const next = this.#ahead[at];
      const end = Math.min(to, next?.from ?? to);
      if (end > from) {
        at = this.#insert(at, from, bytes.subarray(from - offset, end - offset));
      }
      const reached = this.#ahead[at];
      if (reached === undefined) return;
      from = Math.max(end, reached.to);
      at++;
    }
  }

  /** Index of the first stretch that ends after `offset`. */
  #firstAfter(offset: number): number {
    let low = 0;
    let high = this.#ahead.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ahead[middle]?.to ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts bytes into the gap before stretch `at`. Returns the index of the stretch after the gap. */
  #insert(at: number, from: number, bytes: Uint8Array): number {
    const to = from + bytes.length;
    this.#held += bytes.length;
    const before = this.#ahead[at - 1];
    const after = this.#ahead[at];
    if (before !== undefined && before.to === from) {
      append(before, bytes);
      if (after === undefined || after.from !== to) return at;
      // The gap is closed: the two become one. A block is cut to its bytes, as something follows it.
      closeBlock(before);
      before.pieces.push(...after.pieces);
      before.room = after.room;
      before.to = after.to;
      this.#ahead.splice(at, 1);
      return at - 1;
    }
    if (this.#ahead.length >= MAX_STRETCHES) {
      throw new FairleadError("session.malformed", "the peer sends in too many parts");
    }
    const stretch: Stretch = { from, to: from, pieces: [], room: 0 };
    append(stretch, bytes);
    this.#ahead.splice(at, 0, stretch);
    return at + 1;
  }
}

function append(stretch: Stretch, bytes: Uint8Array): void {
  stretch.to += bytes.length;
  const last = stretch.pieces.at(-1);
  if (last !== undefined && stretch.room >= bytes.length) {
    last.set(bytes, last.length - stretch.room);
    stretch.room -= bytes.length;
    return;
  }
  closeBlock(stretch);
  if (bytes.length >= COPY_BELOW) {
    stretch.pieces.push(bytes);
    return;
  }
  if (stretch.pieces.length === 0 || bytes.length >= BLOCK_BYTES) {
    stretch.pieces.push(bytes.slice());
    return;
  }
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(bytes);
  stretch.pieces.push(block);
  stretch.room = BLOCK_BYTES - bytes.length;
}

function closeBlock(stretch: Stretch): void {
  const last = stretch.pieces.length - 1;
  const block = stretch.pieces[last];
  if (stretch.room > 0 && block !== undefined) {
    stretch.pieces[last] = block.subarray(0, block.length - stretch.room);
  }
  stretch.room = 0;
}
