/**
 * A batch of frames: gathers frames into few chunks for one write of the layer below.
 *
 * Headers and small payloads are copied into a block, next to each other. Large payloads are chunks of their
 * own.
 */
import { writeU32 } from "../bytes.ts";
import { FRAME, HEADER_BYTES, writeHeader } from "./frames.ts";

/**
 * Bytes in one write. With the 22 bytes that TLS adds to each record of 16 KiB, they fit into one lane
 * message.
 */
export const BATCH_BYTES = 64 * 1024 - 128;

/** From this size on, a payload is not copied, bytes: a chunk of its own costs less. */
const REFERENCE_FROM = 4096;
const BLOCK_BYTES = 64 * 1024;

/** The frames of one write. */
export class FrameBatch {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #block = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Bytes in the batch. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that the batch still takes. */
  get room(): number {
    return BATCH_BYTES - this.#bytes;
  }

  /** Adds a frame's header. */
  header(type: number, length: number, stream: number): void {
    this.#makeRoom(HEADER_BYTES);
    writeHeader(this.#block, this.#end, type, length, stream);
    this.#end += HEADER_BYTES;
    this.#bytes += HEADER_BYTES;
  }

  /** Adds a CREDIT frame. */
  credit(stream: number, bytes: number): void {
    this.#makeRoom(HEADER_BYTES + 4);
    const block = this.#block;
    const at = this.#end + HEADER_BYTES;
    writeHeader(block, this.#end, FRAME.credit, 4, stream);
    writeU32(block, at, bytes);
    this.#end = at + 4;
    this.#bytes += HEADER_BYTES + 4;
  }

  /** Adds a payload or a whole frame, which the caller must not change afterwards. */
  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (bytes.length >= REFERENCE_FROM) {
      this.#seal();
      this.#chunks.push(bytes);
      return;
    }
    this.#makeRoom(bytes.length);
    this.#block.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The chunks, in order. {@link clear} reuses the array, not the chunks. */
  chunks(): readonly Uint8Array[] {
    this.#seal();
    return this.#chunks;
  }

  /** Empties the batch. */
  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#start = this.#end;
  }

  #makeRoom(bytes: number): void {
    if (this.#block.length - this.#end >= bytes) return;
    this.#seal();
    // The layer below may still be writing the old block.
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#start = 0;
    this.#end = 0;
  }

  #seal(): void {
    if (this.#end === this.#start) return;
    this.#chunks.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
