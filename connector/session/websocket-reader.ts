/**
 * Reads the binary messages of a WebSocket server from its connection (RFC 6455 §5.2).
 *
 * A lane carries whole binary messages and little else. This reader takes these alone, and leaves every other
 * frame to a complete implementation: the events say which bytes belong to it.
 */
import { readU32 } from "../../protocol/bytes.ts";

/** First bytes of final frames without extension bits: FIN and an opcode. */
const TEXT = 0x81;
const BINARY = 0x82;
const PING = 0x89;
const PONG = 0x8a;

/** Second bytes that say that 2 or 8 bytes of length follow. Larger ones have the mask bit, which a server never sets. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Longest payload of a control frame (RFC 6455 §5.5), bytes. */
const MAX_CONTROL = 125;

/** Receives what was read, in order. Every buffer may be a slice of the bytes that were pushed. */
export interface WebSocketReaderEvents {
  /** A whole binary message. */
  message(message: Buffer): void;
  /** Bytes of a frame that is no binary message: a text, a ping or a pong. */
  frame(bytes: Buffer): void;
  /**
   * The rest: everything from a frame on that is neither of these, such as a fragment, a close or an invalid
   * one. The reader must not be given more.
   */
  rest(bytes: Buffer): void;
}

export class WebSocketReader {
  readonly #events: WebSocketReaderEvents;
  readonly #maxMessage: number;
  /** Bytes of a header that is not complete. */
  #header: Buffer | null = null;
  /** A message that did not arrive in one piece, and how much of it did. */
  #message: Buffer | null = null;
  #filled = 0;
  /** Bytes to come of a frame that is no binary message. */
  #frameLeft = 0;

  /** @param maxMessage a longer message is left to {@link WebSocketReaderEvents.rest}, bytes */
  constructor(events: WebSocketReaderEvents, maxMessage: number) {
    this.#events = events;
    this.#maxMessage = maxMessage;
  }

  /** Takes bytes of the connection. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#header !== null) {
      bytes = Buffer.concat([this.#header, chunk]);
      this.#header = null;
    }
    for (let at = 0; at < bytes.length; ) {
      if (this.#message !== null) at = this.#fill(this.#message, bytes, at);
      else if (this.#frameLeft > 0) at = this.#passFrame(bytes, at);
      else at = this.#readFrame(bytes, at);
    }
  }

  /** Reads the frame that begins at `at`. Returns where the bytes begin that are still to be read. */
  #readFrame(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    if (left < 2) return this.#keepHeader(bytes, at);
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    if (second > longest(first)) return this.#leave(bytes, at);
    const headerSize = second === LENGTH_16 ? 4 : second === LENGTH_64 ? 10 : 2;
    if (left < headerSize) return this.#keepHeader(bytes, at);
    let size = second;
    if (second === LENGTH_16) size = bytes.readUInt16BE(at + 2);
    else if (second === LENGTH_64) size = readU32(bytes, at + 2) * 2 ** 32 + readU32(bytes, at + 6);
    if (size > this.#maxMessage) return this.#leave(bytes, at);
    if (first === BINARY) return this.#readMessage(bytes, at + headerSize, size);
    this.#frameLeft = headerSize + size;
    return at;
  }

  /** Keeps the start of a header, in a copy: a slice would keep the whole chunk in memory. */
  #keepHeader(bytes: Buffer, at: number): number {
    this.#header = Buffer.from(bytes.subarray(at));
    return bytes.length;
  }

  #readMessage(bytes: Buffer, from: number, size: number): number {
    const to = from + size;
    if (to > bytes.length) {
      this.#message = Buffer.allocUnsafe(size);
      this.#filled = 0;
      return from;
    }
    this.#events.message(bytes.subarray(from, to));
    return to;
  }

  #fill(message: Buffer, bytes: Buffer, at: number): number {
    const copied = bytes.copy(message, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === message.length) {
      this.#message = null;
      this.#events.message(message);
    }
    return at + copied;
  }

  #passFrame(bytes: Buffer, at: number): number {
    const to = Math.min(at + this.#frameLeft, bytes.length);
    this.#frameLeft -= to - at;
    this.#events.frame(bytes.subarray(at, to));
    return to;
  }

  #leave(bytes: Buffer, at: number): number {
    this.#events.rest(bytes.subarray(at));
    return bytes.length;
  }
}

/** The largest second byte that this reader takes after the first byte of a frame; -1 if it takes none. */
function longest(first: number): number {
  if (first === BINARY || first === TEXT) return LENGTH_64;
  return first === PING || first === PONG ? MAX_CONTROL : -1;
}
