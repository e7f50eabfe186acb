/** Finds the end of a message's body (RFC 9112, section 6) without copying or keeping any of it. */
import type { BodyLength } from "./http1-head.ts";
import { ObservationError } from "./observation-error.ts";

const CR = 0x0d;
const LF = 0x0a;

/** Most bytes of a chunk's line, and of a trailer section. */
const MAX_LINE = 4096;
const MAX_TRAILERS = 32 * 1024;

/** Most digits of a chunk's length: more bytes than a number can count exactly. */
const MAX_LENGTH_DIGITS = 13;

/** Where a chunked body is. */
type Place =
  | "length"
  | "extension"
  | "length-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailer"
  | "trailer-line"
  | "trailer-lf"
  | "last-lf";

export class Http1Body {
  #length: BodyLength = 0;
  /** Bytes of the body or of the chunk that have not passed. */
  #left = 0;
  #place: Place = "length";
  /** Bytes of the current line or trailer section, digits of the current length. */
  #lineBytes = 0;
  #digits = 0;
  #isOver = true;

  /** Whether the body has passed, or there is none. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether only the end of the connection ends the body. */
  get endsWithConnection(): boolean {
    return this.#length === "close";
  }

  begin(length: BodyLength): void {
    this.#length = length;
    this.#left = typeof length === "number" ? length : 0;
    this.#isOver = length === 0;
    this.#place = "length";
    this.#digits = 0;
    this.#lineBytes = 0;
  }

  /** Takes bytes of the body. Returns the place behind those that belong to it. @throws ObservationError. */
  read(chunk: Uint8Array, at: number): number {
    if (this.#length === "close") return chunk.length;
    if (this.#length === "chunked") return this.#chunked(chunk, at);
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    this.#isOver = this.#left === 0;
    return end;
  }

  #chunked(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && !this.#isOver) {
      if (this.#place === "data") {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#place = "data-cr";
      } else this.#byte(chunk[at++] as number);
    }
    return at;
  }

  /** One byte of the framing between the chunks. */
  #byte(byte: number): void {
    switch (this.#place) {
      case "length":
        this.#lengthByte(byte);
        break;
      case "extension":
        if (byte === CR) this.#place = "length-lf";
        else if (byte === LF || ++this.#lineBytes > MAX_LINE) throw invalid();
        break;
      case "length-lf":
        expect(byte, LF);
        this.#place = this.#left > 0 ? "data" : "trailer";
        this.#lineBytes = 0;
        break;
      case "data-cr":
        expect(byte, CR);
        this.#place = "data-lf";
        break;
      case "data-lf":
        expect(byte, LF);
        this.#place = "length";
        this.#digits = 0;
        this.#lineBytes = 0;
        break;
      case "trailer":
        if (byte === CR) this.#place = "last-lf";
        else this.#trailerByte(byte);
        break;
      case "trailer-line":
        if (byte === CR) this.#place = "trailer-lf";
        else this.#trailerByte(byte);
        break;
      case "trailer-lf":
        expect(byte, LF);
        this.#place = "trailer";
        break;
      case "last-lf":
        expect(byte, LF);
        this.#isOver = true;
        break;
    }
  }

  #lengthByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_LENGTH_DIGITS) throw invalid();
      this.#left = this.#left * 16 + digit;
    } else if (this.#digits === 0) throw invalid();
    else if (byte === CR) this.#place = "length-lf";
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) this.#place = "extension";
    else throw invalid();
  }

  #trailerByte(byte: number): void {
    if (byte === LF || ++this.#lineBytes > MAX_TRAILERS) throw invalid();
    this.#place = "trailer-line";
  }
}

const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw invalid();
}

const invalid = () => new ObservationError("A chunked body is not valid.");
