/**
 * The framing of datagrams in a stream of kind `udp` (docs/protocol.md, "Datagrams"): each datagram is its length as
 * u16, big endian, and its bytes. A datagram may be empty.
 */

/** The kind of a stream that carries datagrams. */
export const DATAGRAM_KIND = "udp";

/** Longest datagram, bytes: what the length can say. UDP over IPv4 carries at most 65,507. */
export const MAX_DATAGRAM = 0xffff;

/** Length of the prefix, bytes. */
export const PREFIX_BYTES = 2;

/** A datagram with its prefix. @param datagram at most {@link MAX_DATAGRAM} bytes */
export function encodeDatagram(datagram: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + datagram.length);
  framed[0] = datagram.length >>> 8;
  framed[1] = datagram.length;
  framed.set(datagram, PREFIX_BYTES);
  return framed;
}

/** Takes the bytes of a stream apart into datagrams, however the bytes are cut. Holds at most one datagram. */
export class DatagramDecoder {
  readonly #emit: (datagram: Uint8Array) => void;
  /** Length of the datagram that is incomplete; -1 while its prefix is. */
  #length = -1;
  /** The first byte of an incomplete prefix; -1 without one. */
  #high = -1;
  /** The bytes of the incomplete datagram so far. */
  #partial: Uint8Array | null = null;
  #filled = 0;

  /** @param emit gets each datagram: a slice of the input where one piece holds all of it */
  constructor(emit: (datagram: Uint8Array) => void) {
    this.#emit = emit;
  }

  /** Whether the bytes so far end with a whole datagram. */
  get isComplete(): boolean {
    return this.#length < 0 && this.#high < 0;
  }

  /** Takes the next piece of the stream. */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length || this.#length === 0) {
      if (this.#length < 0) at = this.#readPrefix(piece, at);
      else at = this.#readBytes(piece, at);
    }
  }

  #readPrefix(piece: Uint8Array, at: number): number {
    const byte = piece[at] ?? 0;
    if (this.#high < 0) this.#high = byte;
    else {
      this.#length = (this.#high << 8) | byte;
      this.#high = -1;
    }
    return at + 1;
  }

  #readBytes(piece: Uint8Array, at: number): number {
    const end = Math.min(piece.length, at + this.#length - this.#filled);
    const rest = piece.subarray(at, end);
    if (this.#partial === null && rest.length === this.#length) this.#complete(rest);
    else {
      this.#partial ??= new Uint8Array(this.#length);
      this.#partial.set(rest, this.#filled);
      this.#filled += rest.length;
      if (this.#filled === this.#length) this.#complete(this.#partial);
    }
    return end;
  }

  #complete(datagram: Uint8Array): void {
    this.#length = -1;
    this.#partial = null;
    this.#filled = 0;
    this.#emit(datagram);
  }
}
