/**
 * Decodes the bytes of a session into frames (docs/protocol.md, "Frames"), however the bytes are cut.
 *
 * DATA is delivered in pieces, as slices of the input: its frame boundaries mean nothing to a stream, so
 * nothing is copied. Other frames are short. They are copied only when the input cuts them.
 */
import { readU24, readU32 } from "../bytes.ts";
import { FairleadError } from "../errors.ts";
import { EXTENSION_BIT, FRAME, HEADER_BYTES, MAX_CONTROL, MAX_DATA } from "./frames.ts";

/** Takes the decoded frames. */
export interface FrameHandler {
  /** Takes a whole frame other than DATA. The payload is valid during the call only. */
  frame(type: number, stream: number, payload: Uint8Array): void;
  /** Takes a piece of a DATA frame's payload, never empty. The piece is a slice of the input. */
  data(stream: number, piece: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);

/** What the decoder reads next. A "failed" decoder has thrown and reads nothing. */
type DecoderState = "header" | "data" | "control" | "skip" | "failed";

/** The decoder of one direction of a session. */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  #state: DecoderState = "header";
  readonly #header = new Uint8Array(HEADER_BYTES);
  /** Bytes of the header, or of a control payload, that earlier calls brought. */
  #held = 0;
  #payload = NOTHING;
  #type = 0;
  #stream = 0;
  /** Bytes of the payload that are missing. */
  #left = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Whether the input may end here: between two frames. */
  get atBoundary(): boolean {
    return this.#state === "header" && this.#held === 0;
  }

  /**
   * Decodes the next bytes and calls the handler for each frame. Keeps no reference to `chunk`.
   * @throws FairleadError session.malformed, session.too_large; errors of the handler. The decoder has failed
   * then.
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

  /** Checks the header and selects how to read its payload. */
  #begin(): void {
    const type = this.#type;
    const length = this.#left;
    const known = type >= FRAME.hello && type <= FRAME.goaway;
    if (!known && (type & EXTENSION_BIT) === 0) {
      throw new FairleadError("session.malformed", `The frame type ${type} is unknown.`);
    }
    const largest = type === FRAME.data || !known ? MAX_DATA : MAX_CONTROL;
    if (length > largest) {
      throw new FairleadError(
        "session.too_large",
        `A frame of type ${type} has ${length} bytes, above ${largest}.`,
      );
    }
    if (!known) {
      this.#state = length > 0 ? "skip" : "header";
      return;
    }
    const ofSession = type === FRAME.hello || type === FRAME.goaway;
    if (ofSession !== (this.#stream === 0)) {
      throw new FairleadError(
        "session.malformed",
        `A frame of type ${type} arrived on stream ${this.#stream}.`,
      );
    }
    if (type === FRAME.data) {
      if (length === 0) throw new FairleadError("session.malformed", "A DATA frame is empty.");
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
