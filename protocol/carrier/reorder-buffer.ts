/**
 * What this side receives: drops what it has, keeps what is ahead of its turn, hands on the rest in order.
 *
 * What is kept is bounded in memory, not only in bytes of the pipe. Small pieces that follow each other are copied
 * together, so that a stretch without gaps has no two neighbouring pieces that would fit into one block; a slice is kept
 * as it is only where it is most of the buffer that it was cut from. So the memory held is less than twice the
 * window and {@link STRETCH_COST} for each of {@link MAX_STRETCHES} stretches; {@link ReorderBuffer.cost} counts it.
 */
import { FairleadError } from "../errors.ts";
import { type MemoryAccount, UNLIMITED } from "../memory-budget.ts";

/** Stretches of bytes with gaps between them; lanes leave a few, one that is made to leave thousands is refused. */
export const MAX_STRETCHES = 4096;
/** The same before the peer is proven. */
const UNPROVEN_STRETCHES = 64;
/** Pieces below this size are copied while they wait, small ones together. */
const COPY_BELOW = 32 * 1024;
const BLOCK_BYTES = 16 * 1024;
/** The least room of a block. */
const LEAST_BLOCK = 64;
/** What a piece costs beside its bytes: an array with its buffer, and its place in a list. About, bytes. */
export const PIECE_COST = 256;
/** What a stretch costs beside its pieces. About, bytes. */
export const STRETCH_COST = 256;
/** A peer whose account is over may have this much kept all the same, bytes. */
const LEAST_KEPT = 256 * 1024;

interface Stretch {
  from: number;
  to: number;
  pieces: Uint8Array[];
  /** Free bytes at the end of the last piece, when that is a block for small ones. */
  room: number;
}

export interface ReorderBufferOptions {
  /** Bytes beyond the received ones that the peer may send. */
  readonly window: number;
  /** The same until {@link ReorderBuffer.proven}; the window unless given. */
  readonly unproven?: number | undefined;
  /** Counts the memory held. */
  readonly memory?: MemoryAccount | undefined;
  readonly deliver: (bytes: Uint8Array) => void;
}

export class ReorderBuffer {
  readonly #options: ReorderBufferOptions;
  readonly #memory: MemoryAccount;
  #window: number;
  #maxStretches: number;
  #received = 0;
  /** Ahead of their turn; ascending, apart from each other. */
  #ahead: Stretch[] = [];
  #held = 0;
  #cost = 0;

  constructor(options: ReorderBufferOptions) {
    const { window, unproven = window, memory = UNLIMITED } = options;
    this.#options = options;
    this.#memory = memory;
    this.#window = Math.min(window, unproven);
    this.#maxStretches = unproven < window ? UNPROVEN_STRETCHES : MAX_STRETCHES;
  }

  /** Every byte below arrived and was handed on. */
  get received(): number {
    return this.#received;
  }
  /** Bytes kept for want of earlier ones. */
  get held(): number {
    return this.#held;
  }
  /** Memory that they take, bytes. */
  get cost(): number {
    return this.#cost;
  }

  /** The peer is who it should be: keeps the whole window for it. */
  proven(): void {
    this.#window = this.#options.window;
    this.#maxStretches = MAX_STRETCHES;
  }

  /**
   * @throws FairleadError session.malformed for bytes beyond the window or in too many parts; session.overloaded
   * where there is no memory for them.
   */
  take(offset: number, bytes: Uint8Array): void {
    const to = offset + bytes.length;
    if (to > this.#received + this.#window) {
      throw new FairleadError("session.malformed", "the peer sends more than is kept for it");
    }
    if (to <= this.#received) return;
    if (offset > this.#received) {
      this.#keep(offset, bytes);
      if (this.#memory.over && this.#cost > LEAST_KEPT) throw new FairleadError("session.overloaded");
      return;
    }
    this.#hand(bytes.subarray(this.#received - offset));
    if (this.#ahead.length > 0) this.#handAhead();
  }

  clear(): void {
    this.#ahead = [];
    this.#held = 0;
    this.#charge(-this.#cost);
  }

  #hand(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#options.deliver(bytes);
  }

  #handAhead(): void {
    for (;;) {
      const first = this.#ahead[0];
      if (first === undefined || first.from > this.#received) return;
      this.#ahead.shift();
      this.#held -= first.to - first.from;
      this.#charge(-costOf(first));
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
    const before = this.#ahead[at - 1];
    const after = this.#ahead[at];
    if (before !== undefined && before.to === from) {
      this.#held += bytes.length;
      this.#charge(append(before, bytes));
      if (after === undefined || after.from !== to) return at;
      // The gap is closed: the two become one.
      this.#charge(join(before, after));
      this.#ahead.splice(at, 1);
      return at - 1;
    }
    if (this.#ahead.length >= this.#maxStretches) {
      throw new FairleadError("session.malformed", "the peer sends in too many parts");
    }
    const stretch: Stretch = { from, to: from, pieces: [], room: 0 };
    this.#held += bytes.length;
    this.#charge(STRETCH_COST + append(stretch, bytes));
    this.#ahead.splice(at, 0, stretch);
    return at + 1;
  }

  #charge(cost: number): void {
    this.#cost += cost;
    this.#memory.add(cost);
  }
}

/** Memory of a piece: of its whole buffer, as that stays as long as the piece. */
const pieceCost = (piece: Uint8Array): number => PIECE_COST + piece.buffer.byteLength;

function costOf({ pieces }: Stretch): number {
  return pieces.reduce((sum, piece) => sum + pieceCost(piece), STRETCH_COST);
}

/** Adds bytes to the end of a stretch. Returns how much more memory it takes, which may be less. */
function append(stretch: Stretch, bytes: Uint8Array): number {
  stretch.to += bytes.length;
  const { length } = bytes;
  const last = stretch.pieces.at(-1);
  if (last !== undefined && stretch.room >= length) {
    last.set(bytes, last.length - stretch.room);
    stretch.room -= length;
    return 0;
  }
  const used = last === undefined ? 0 : last.length - stretch.room;
  if (last !== undefined && used + length <= BLOCK_BYTES) {
    // One block for both, with room for as much again.
    const block = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(LEAST_BLOCK, 2 * (used + length))));
    block.set(last.subarray(0, used));
    block.set(bytes, used);
    stretch.pieces[stretch.pieces.length - 1] = block;
    stretch.room = block.length - used - length;
    return pieceCost(block) - pieceCost(last);
  }
  const saved = closeBlock(stretch);
  const whole = bytes.buffer.byteLength;
  const kept = length === whole || (length >= COPY_BELOW && 2 * length >= whole) ? bytes : copyOf(bytes);
  stretch.pieces.push(kept);
  return pieceCost(kept) - saved;
}

/** Adds the stretch that follows without a gap. Returns how much more memory the two take as one: less, mostly. */
function join(before: Stretch, after: Stretch): number {
  const [first] = after.pieces;
  let cost = -STRETCH_COST;
  if (first === undefined) return cost;
  const whole = after.pieces.length === 1 ? first.subarray(0, first.length - after.room) : first;
  cost -= pieceCost(first);
  cost += append(before, whole);
  if (after.pieces.length > 1) {
    cost -= closeBlock(before);
    for (let at = 1; at < after.pieces.length; at++) {
      const piece = after.pieces[at];
      if (piece !== undefined) before.pieces.push(piece);
    }
    before.room = after.room;
  }
  before.to = after.to;
  return cost;
}

/** Gives the room of a stretch's last block free. Returns how much memory that saves. */
function closeBlock(stretch: Stretch): number {
  const at = stretch.pieces.length - 1;
  const block = stretch.pieces[at];
  if (stretch.room === 0 || block === undefined) return 0;
  const cut = copyOf(block.subarray(0, block.length - stretch.room));
  stretch.pieces[at] = cut;
  stretch.room = 0;
  return pieceCost(block) - pieceCost(cut);
}

/** A copy that has a buffer of its own. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
