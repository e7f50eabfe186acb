/**
 * The reorder buffer of a carrier: drops bytes that arrived before, keeps bytes that arrive early, delivers
 * in order.
 *
 * Memory is bounded, not only bytes (docs/protocol.md, "Version 2"). Small pieces that follow each other are
 * copied into one block, so no two neighbouring pieces of a range would fit into one block. A slice is kept
 * without a copy only where it is most of its buffer. So the memory is less than twice the window and
 * {@link RANGE_COST} for each of {@link MAX_RANGES} ranges. {@link ReorderBuffer.cost} counts it.
 */
import { FairleadError } from "../errors.ts";
import { type MemoryAccount, UNLIMITED } from "../memory-budget.ts";

/** Separate ranges kept at most. Lanes leave a few; only a hostile peer leaves thousands. */
export const MAX_RANGES = 4096;
/** The same before the peer is proven. */
const UNPROVEN_RANGES = 64;
/** Pieces below this size are copied, small ones into one block, bytes. */
const COPY_BELOW = 32 * 1024;
/** Largest block for small pieces, bytes. */
const BLOCK_BYTES = 16 * 1024;
/** Smallest block for small pieces, bytes. */
const MIN_BLOCK_BYTES = 64;
/** Memory of a piece beside its bytes: array, buffer and list entry. Approximate, bytes. */
export const PIECE_COST = 256;
/** Memory of a range beside its pieces. Approximate, bytes. */
export const RANGE_COST = 256;
/** Memory that a peer may use here although its account is over, bytes. */
const MIN_COST_LIMIT = 256 * 1024;

/** Early bytes without a gap. */
interface BufferedRange {
  from: number;
  to: number;
  pieces: Uint8Array[];
  /** Free bytes at the end of the last piece, if that piece is a block for small ones. */
  room: number;
}

/** The options of a reorder buffer. Sizes are bytes. */
export interface ReorderBufferOptions {
  /** Bytes beyond the received ones that the peer may send. */
  readonly window: number;
  /** The same before {@link ReorderBuffer.proven}; `window` unless given. */
  readonly unproven?: number | undefined;
  /** Counts the memory. */
  readonly memory?: MemoryAccount | undefined;
  /** Takes the bytes, in order. */
  readonly deliver: (bytes: Uint8Array) => void;
}

/** The reorder buffer of one carrier. */
export class ReorderBuffer {
  readonly #options: ReorderBufferOptions;
  readonly #memory: MemoryAccount;
  #window: number;
  #maxRanges: number;
  #received = 0;
  /** Early bytes: ascending, with gaps between the ranges. */
  #ranges: BufferedRange[] = [];
  #held = 0;
  #cost = 0;

  constructor(options: ReorderBufferOptions) {
    const { window, unproven = window, memory = UNLIMITED } = options;
    this.#options = options;
    this.#memory = memory;
    this.#window = Math.min(window, unproven);
    this.#maxRanges = unproven < window ? UNPROVEN_RANGES : MAX_RANGES;
  }

  /** Every byte below was delivered. */
  get received(): number {
    return this.#received;
  }
  /** Bytes that wait for earlier ones. */
  get held(): number {
    return this.#held;
  }
  /** Memory that the waiting bytes take, bytes. */
  get cost(): number {
    return this.#cost;
  }

  /** The peer is proven: accepts its whole window. */
  proven(): void {
    this.#window = this.#options.window;
    this.#maxRanges = MAX_RANGES;
  }

  /**
   * Takes bytes that begin at `offset`.
   * @throws FairleadError session.malformed for bytes beyond the window or in too many ranges;
   * session.overloaded when the peer's account is over.
   */
  receive(offset: number, bytes: Uint8Array): void {
    const to = offset + bytes.length;
    if (to > this.#received + this.#window) {
      throw new FairleadError("session.malformed", "The peer sends bytes beyond its window.");
    }
    if (to <= this.#received) return;
    if (offset > this.#received) {
      this.#buffer(offset, bytes);
      if (this.#memory.over && this.#cost > MIN_COST_LIMIT) throw new FairleadError("session.overloaded");
      return;
    }
    this.#deliver(bytes.subarray(this.#received - offset));
    if (this.#ranges.length > 0) this.#deliverBuffered();
  }

  /** Drops everything. */
  clear(): void {
    this.#ranges = [];
    this.#held = 0;
    this.#charge(-this.#cost);
  }

  #deliver(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#options.deliver(bytes);
  }

  #deliverBuffered(): void {
    for (;;) {
      const first = this.#ranges[0];
      if (first === undefined || first.from > this.#received) return;
      this.#ranges.shift();
      this.#held -= first.to - first.from;
      this.#charge(-costOf(first));
      let skip = this.#received - first.from;
      for (const [at, piece] of first.pieces.entries()) {
        const last = at === first.pieces.length - 1;
        const whole = last && first.room > 0 ? piece.subarray(0, piece.length - first.room) : piece;
        if (skip < whole.length) this.#deliver(skip === 0 ? whole : whole.subarray(skip));
        skip = Math.max(0, skip - whole.length);
      }
    }
  }

  /** Buffers early bytes. They may fill several gaps. */
  #buffer(offset: number, bytes: Uint8Array): void {
    const to = offset + bytes.length;
    let at = this.#firstAfter(offset);
    let from = offset;
    while (from < to) {
      const next = this.#ranges[at];
      const end = Math.min(to, next?.from ?? to);
      if (end > from) {
        at = this.#insert(at, from, bytes.subarray(from - offset, end - offset));
      }
      const reached = this.#ranges[at];
      if (reached === undefined) return;
      from = Math.max(end, reached.to);
      at++;
    }
  }

  /** Index of the first range that ends after `offset`. */
  #firstAfter(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.to ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Inserts bytes into the gap before range `at`. Returns the index of the range behind the gap. */
  #insert(at: number, from: number, bytes: Uint8Array): number {
    const to = from + bytes.length;
    const before = this.#ranges[at - 1];
    const after = this.#ranges[at];
    if (before !== undefined && before.to === from) {
      this.#held += bytes.length;
      this.#charge(append(before, bytes));
      if (after === undefined || after.from !== to) return at;
      // The gap is closed: the two ranges become one.
      this.#charge(join(before, after));
      this.#ranges.splice(at, 1);
      return at - 1;
    }
    if (this.#ranges.length >= this.#maxRanges) {
      throw new FairleadError("session.malformed", "The peer leaves too many gaps.");
    }
    const range: BufferedRange = { from, to: from, pieces: [], room: 0 };
    this.#held += bytes.length;
    this.#charge(RANGE_COST + append(range, bytes));
    this.#ranges.splice(at, 0, range);
    return at + 1;
  }

  #charge(cost: number): void {
    this.#cost += cost;
    this.#memory.add(cost);
  }
}

/** Memory of a piece: a slice keeps its whole buffer. */
const pieceCost = (piece: Uint8Array): number => PIECE_COST + piece.buffer.byteLength;

function costOf({ pieces }: BufferedRange): number {
  return pieces.reduce((sum, piece) => sum + pieceCost(piece), RANGE_COST);
}

/** Appends bytes to a range. Returns the change of memory, which may be negative. */
function append(range: BufferedRange, bytes: Uint8Array): number {
  range.to += bytes.length;
  const { length } = bytes;
  const last = range.pieces.at(-1);
  if (last !== undefined && range.room >= length) {
    last.set(bytes, last.length - range.room);
    range.room -= length;
    return 0;
  }
  const used = last === undefined ? 0 : last.length - range.room;
  if (last !== undefined && used + length <= BLOCK_BYTES) {
    // Both fit into one block, which gets room for as much again.
    const block = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(MIN_BLOCK_BYTES, 2 * (used + length))));
    block.set(last.subarray(0, used));
    block.set(bytes, used);
    range.pieces[range.pieces.length - 1] = block;
    range.room = block.length - used - length;
    return pieceCost(block) - pieceCost(last);
  }
  const saved = closeBlock(range);
  const whole = bytes.buffer.byteLength;
  const kept = length === whole || (length >= COPY_BELOW && 2 * length >= whole) ? bytes : copyOf(bytes);
  range.pieces.push(kept);
  return pieceCost(kept) - saved;
}

/** Appends a range that follows without a gap. Returns the change of memory, which is mostly negative. */
function join(before: BufferedRange, after: BufferedRange): number {
  const [first] = after.pieces;
  let cost = -RANGE_COST;
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

/** Cuts the room off the last block of a range. Returns the memory that this frees. */
function closeBlock(range: BufferedRange): number {
  const at = range.pieces.length - 1;
  const block = range.pieces[at];
  if (range.room === 0 || block === undefined) return 0;
  const cut = copyOf(block.subarray(0, block.length - range.room));
  range.pieces[at] = cut;
  range.room = 0;
  return pieceCost(block) - pieceCost(cut);
}

/** A copy with a buffer of its own. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
