/**
 * Walks the frames of one direction of an HTTP/2 connection (RFC 9113, section 4). Only frame headers are read, and the
 * payloads that an observer needs: header blocks. Everything else is counted and skipped.
 */
import { ObservationError } from "./observation-error.ts";
import { PartialBytes, type PartialBytesBudget } from "./partial-bytes.ts";

export interface FrameHandler {
  /** A DATA frame has passed. `bytes`: with its frame header. */
  data(stream: number, bytes: number, endsStream: boolean): void;
  /** A header block has passed. `bytes`: of its frames, with their frame headers. */
  headers(stream: number, bytes: number, endsStream: boolean, block: HeaderBlock): void;
  /** The header block of a pushed response's request has passed. */
  promise(block: HeaderBlock): void;
  reset(stream: number): void;
}

/** The compressed fields, in a part of `bytes`, which is valid during the call only. */
export interface HeaderBlock {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const FRAME_HEADER = 9;
const DATA = 0x0;
const HEADERS = 0x1;
const RST_STREAM = 0x3;
const PUSH_PROMISE = 0x5;
const CONTINUATION = 0x9;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;

/** Most bytes of a compressed header block, and of a frame that has a part of one. */
export const MAX_BLOCK = 64 * 1024;

export class FrameWalker {
  readonly #handler: FrameHandler;
  /** A frame header, or the payload of a frame that is needed, of which a part has arrived. */
  readonly #partial: PartialBytes;
  /** The fragments of a header block that CONTINUATION frames continue. */
  readonly #block: PartialBytes;
  /** The stream whose header block is being continued; 0 without one. */
  #continued = 0;
  #continuedType = 0;
  #continuedEnds = false;
  /** Bytes of the frames of a header block. */
  #blockFrames = 0;
  /** Whether the header of the current frame was read. */
  #isInFrame = false;
  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes of the current payload that have not passed. */
  #left = 0;

  constructor(handler: FrameHandler, budget: PartialBytesBudget) {
    this.#handler = handler;
    this.#partial = new PartialBytes(budget, MAX_BLOCK);
    this.#block = new PartialBytes(budget, MAX_BLOCK);
  }

  /** Frees what is held. */
  close(): void {
    this.#partial.clear();
    this.#block.clear();
  }

  /** Takes the next bytes from `at` on. @throws ObservationError for bytes that are not HTTP/2. */
  read(chunk: Uint8Array, from: number): void {
    let at = from;
    while (at < chunk.length) at = this.#isInFrame ? this.#payload(chunk, at) : this.#header(chunk, at);
  }

  /** Reads a frame header. Returns the place behind it. */
  #header(chunk: Uint8Array, at: number): number {
    const held = this.#partial.length;
    const end = Math.min(chunk.length, at + FRAME_HEADER - held);
    if (held > 0 || end - at < FRAME_HEADER) {
      this.#partial.append(chunk, at, end);
      if (this.#partial.length < FRAME_HEADER) return end;
      this.#start(this.#partial.bytes, 0);
      this.#partial.clear();
    } else this.#start(chunk, at);
    if (this.#left === 0) this.#end(chunk, end, end);
    return end;
  }

  #start(bytes: Uint8Array, at: number): void {
    const byte = (offset: number) => bytes[at + offset] as number;
    this.#length = (byte(0) << 16) | (byte(1) << 8) | byte(2);
    this.#type = byte(3);
    this.#flags = byte(4);
    this.#stream = ((byte(5) & 0x7f) << 24) | (byte(6) << 16) | (byte(7) << 8) | byte(8);
    this.#left = this.#length;
    this.#isInFrame = true;
    const isContinuation = this.#type === CONTINUATION;
    if (isContinuation !== (this.#continued !== 0) || (isContinuation && this.#stream !== this.#continued)) {
      throw new ObservationError("A CONTINUATION frame is missing, or out of place.");
    }
    if (this.#needsPayload() && this.#length > MAX_BLOCK) throw new ObservationError("A frame is too large.");
    if (this.#type === RST_STREAM && this.#length !== 4)
      throw new ObservationError("A reset has another length.");
    if ((this.#type === DATA || this.#type === HEADERS) && this.#stream === 0) {
      throw new ObservationError("A frame has no stream.");
    }
  }

  #needsPayload(): boolean {
    const type = this.#type;
    return type === HEADERS || type === CONTINUATION || type === PUSH_PROMISE;
  }

  /** Takes bytes of a payload. Returns the place behind them. */
  #payload(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (!this.#needsPayload()) {
      if (this.#left === 0) this.#end(chunk, end, end);
      return end;
    }
    if (this.#left > 0 || this.#partial.length > 0) {
      this.#partial.append(chunk, at, end);
      if (this.#left > 0) return end;
      this.#end(this.#partial.bytes, 0, this.#length);
      this.#partial.clear();
    } else this.#end(chunk, at, end);
    return end;
  }

  /** The frame has passed; its payload, if it is needed, is in `bytes`. */
  #end(bytes: Uint8Array, start: number, end: number): void {
    this.#isInFrame = false;
    const size = FRAME_HEADER + this.#length;
    switch (this.#type) {
      case DATA:
        this.#handler.data(this.#stream, size, (this.#flags & END_STREAM) !== 0);
        break;
      case HEADERS:
      case PUSH_PROMISE:
        this.#blockFrames = size;
        this.#fragment(bytes, start, end);
        break;
      case CONTINUATION:
        this.#blockFrames += size;
        this.#continue(bytes, start, end);
        break;
      case RST_STREAM:
        this.#handler.reset(this.#stream);
        break;
    }
  }

  /** The first fragment of a header block, without padding and what comes before the block. */
  #fragment(bytes: Uint8Array, start: number, end: number): void {
    const isPromise = this.#type === PUSH_PROMISE;
    let from = start;
    let to = end;
    if ((this.#flags & PADDED) !== 0) to -= bytes[from++] ?? 0;
    if (isPromise) from += 4;
    else if ((this.#flags & PRIORITY) !== 0) from += 5;
    if (from > to) throw new ObservationError("A frame is too short.");
    const endsStream = !isPromise && (this.#flags & END_STREAM) !== 0;
    if ((this.#flags & END_HEADERS) !== 0) this.#complete(this.#type, endsStream, bytes, from, to);
    else {
      this.#continued = this.#stream;
      this.#continuedType = this.#type;
      this.#continuedEnds = endsStream;
      this.#block.append(bytes, from, to);
    }
  }

  #continue(bytes: Uint8Array, start: number, end: number): void {
    this.#block.append(bytes, start, end);
    if ((this.#flags & END_HEADERS) === 0) return;
    this.#continued = 0;
    const block = this.#block.bytes;
    this.#complete(this.#continuedType, this.#continuedEnds, block, 0, block.length);
    this.#block.clear();
  }

  #complete(type: number, endsStream: boolean, bytes: Uint8Array, start: number, end: number): void {
    const block = { bytes, start, end };
    if (type === PUSH_PROMISE) this.#handler.promise(block);
    else this.#handler.headers(this.#stream, this.#blockFrames, endsStream, block);
  }
}
