/**
 * Cuts the bytes of a session into frames (see frames.ts), however the bytes were split under way.
 * DATA is handed on in pieces, as slices of what came in: its frame boundaries mean nothing to a stream, so
 * nothing is gathered and nothing copied. Other frames are short; they are gathered only when split.
 */
import { readU24, readU32 } from "../bytes.ts";
import { FairleadError } from "../errors.ts";
import { EXTENSION_BIT, FRAME, HEADER_BYTES, MAX_CONTROL, MAX_DATA } from "./frames.ts";

export interface FrameHandler {
  /** A frame other than DATA, whole. `payload` is valid during the call only. */
  frame(type: number, stream: number, payload: Uint8Array): void;
  /** A piece of a DATA frame's payload, never empty. It shares memory with the input. */
  data(stream: number, piece: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);

/** What is read next. "failed": an error was thrown, and nothing more can be read. */
type DecoderState = "header" | "data" | "control" | "skip" | "failed";

export class FrameDecoder {
  readonly #handler: FrameHandler;
  #state: DecoderState = "header";
  readonly #header = new Uint8Array(HEADER_BYTES);
  /** Bytes of the header, or of a control payload, that arrived in earlier calls. */
  #held = 0;
  #payload = NOTHING;
  #type = 0;
  #stream = 0;
  /** Bytes of the payload that are still to come. */
  #left = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** True between frames: whether the input may end here. */
  get atBoundary(): boolean {
    return this.#state === "header" && this.#held === 0;
  }

  /**
   * Reads the next bytes, calling the handler for each frame in them. Keeps no reference to `chunk`.
   * @throws FairleadError session.malformed, session.too_large; and whatever the handler throws. After that
   * the decoder reads nothing more.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    try {
      while (at < chunk.length) at = this.#step(chunk, at);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case "header":
        return this.#readHeader(chunk, at);
      case "data": {
        const end = Math.min(chunk.length, at + this.#left);
        this.#advance(end - at);
        this.#handler.data(this.#stream, end - at === chunk.length ? chunk : chunk.subarray(at, end));
        return end;
      }
      case "control":
        return this.#readControl(chunk, at);
      case "skip": {
        const end = Math.min(chunk.length, at + this.#left);
        this.#advance(end - at);
        return end;
      }
      case "failed":
        return chunk.length;
    }
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    let source = chunk;
    let from = at;
    let end = at + HEADER_BYTES;
    if (this.#held > 0 || chunk.length - at < HEADER_BYTES) {
      end = Math.min(chunk.length, at + HEADER_BYTES - this.#held);
      this.#header.set(chunk.subarray(at, end), this.#held);
      this.#held += end - at;
      if (this.#held < HEADER_BYTES) return end;
      this.#held = 0;
      source = this.#header;
      from = 0;
    }
    this.#type = source[from] ?? 0;
    this.#left = readU24(source, from + 1);
    this.#stream = readU32(source, from + 4);
    this.#begin();
    return end;
  }

  /** Judges the header just read and decides how its payload is read. */
  #begin(): void {
    const type = this.#type;
    const length = this.#left;
    const known = type >= FRAME.hello && type <= FRAME.goaway;
    if (!known && (type & EXTENSION_BIT) === 0) {
      throw new FairleadError("session.malformed", `unknown frame type ${type}`);
    }
    const largest = type === FRAME.data || !known ? MAX_DATA : MAX_CONTROL;
    if (length > largest) {
      throw new FairleadError(
        "session.too_large",
        `a frame of type ${type} has ${length} bytes, above ${largest}`,
      );
    }
    if (!known) {
      this.#state = length > 0 ? "skip" : "header";
      return;
    }
    const ofSession = type === FRAME.hello || type === FRAME.goaway;
    if (ofSession !== (this.#stream === 0)) {
      throw new FairleadError("session.malformed", `a frame of type ${type} on stream ${this.#stream}`);
    }
    if (type === FRAME.data) {
      if (length === 0) throw new FairleadError("session.malformed", "a DATA frame is empty");
      this.#state = "data";
    } else if (length > 0) {
      this.#state = "control";
    } else {
      this.#handler.frame(type, this.#stream, NOTHING);
    }
  }

  #readControl(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const size = end - at;
    if (this.#held === 0 && size === this.#left) {
      this.#advance(size);
      this.#handler.frame(this.#type, this.#stream, chunk.subarray(at, end));
      return end;
    }
    if (this.#held === 0) this.#payload = new Uint8Array(this.#left);
    this.#payload.set(chunk.subarray(at, end), this.#held);
    this.#held += size;
    this.#advance(size);
    if (this.#left === 0) {
      const payload = this.#payload;
      this.#payload = NOTHING;
      this.#held = 0;
      this.#handler.frame(this.#type, this.#stream, payload);
    }
    return end;
  }

  #advance(bytes: number): void {
    this.#left -= bytes;
    if (this.#left === 0) this.#state = "header";
  }
}
