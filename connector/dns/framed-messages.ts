/** DNS messages in a stream of bytes, each behind its length in two bytes (RFC 1035 §4.2.2). */
import { HEADER_BYTES } from "../../protocol/dns/constants.ts";

export class FramedMessages {
  /** Chunks that are no whole message yet, and their length. */
  #chunks: Uint8Array[] = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next message; null while it is not whole. No message is shorter than a header: what follows is no DNS either. */
  next(): Uint8Array | null | "malformed" {
    if (this.#length < 2) return null;
    const [first = new Uint8Array()] = this.#chunks;
    // Joined only for a length that is cut, and for a whole message: a slow sender costs no copy for each byte.
    const head = first.length < 2 ? this.#join() : first;
    const length = ((head[0] ?? 0) << 8) | (head[1] ?? 0);
    if (length < HEADER_BYTES) return "malformed";
    if (this.#length < length + 2) return null;
    const bytes = this.#join();
    const rest = bytes.subarray(length + 2);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return bytes.subarray(2, length + 2);
  }

  #join(): Uint8Array {
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }
}

/** A message behind its length. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(message.length + 2);
  bytes.writeUInt16BE(message.length);
  bytes.set(message, 2);
  return bytes;
}
