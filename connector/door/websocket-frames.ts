/**
 * Frames of a WebSocket between this connector and a target (RFC 6455 §5). The connector is the client: it reads
 * frames without a mask, and writes frames with one. No extension is negotiated.
 */
import { randomFillSync } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";

/** Opcodes of frames. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const CONTROL = 0x08;
const MASK_BYTES = 4;
/** Longest payload of a control frame, bytes. */
export const MAX_CONTROL = 125;
/** Payloads up to this size are copied behind their header, bytes. A short copy costs less than a second write. */
const JOIN_BELOW = 4096;

/** What arrives from a target, in order. */
export interface FrameEvents {
  /** A piece of a message, whose last one may be empty. */
  piece(bytes: Uint8Array, isBinary: boolean, isLast: boolean): void;
  ping(payload: Uint8Array): void;
  /** The target closes: nothing more comes. `code` is null where it names none. */
  close(code: number | null, reason: string): void;
}

/** Reads the frames of a target. */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #maxMessage: number;
  /** Bytes of a header, or of a control frame, that is not complete. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of the current data frame that are still to come; null between frames. */
  #left: number | null = null;
  #isFinal = false;
  /** Whether the current message is binary; null between messages. */
  #isBinary: boolean | null = null;
  /** Bytes of the current message, with those that its frames announce. */
  #messageBytes = 0;
  #isClosed = false;

  /** @param maxMessage most bytes of a message */
  constructor(events: FrameEvents, maxMessage: number) {
    this.#events = events;
    this.#maxMessage = maxMessage;
  }

  /** Takes the next bytes. @throws FairleadError exchange.bad_response, exchange.too_large */
  push(bytes: Uint8Array): void {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#held.length > 0) {
      rest = Buffer.concat([this.#held, rest]);
      this.#held = Buffer.alloc(0);
    }
    while (rest.length > 0 && !this.#isClosed) {
      const taken = this.#left === null ? this.#readFrame(rest) : this.#readPayload(rest, this.#left);
      if (taken === 0) {
        // At most a header and 125 bytes.
        this.#held = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(taken);
    }
  }

  /** Reads a header, with the payload of a control frame. Returns the bytes that it took; 0 when more are needed. */
  #readFrame(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const [first = 0, second = 0] = bytes;
    const opcode = first & 0x0f;
    const isFinal = (first & FINAL) !== 0;
    if ((first & RESERVED) !== 0) throw malformed("it uses an extension that was not negotiated");
    if ((second & MASKED) !== 0) throw malformed("the target masks its frames");
    const short = second & 0x7f;
    if ((opcode & CONTROL) !== 0) {
      if (!isFinal || short > MAX_CONTROL) throw malformed("a control frame is too long or in pieces");
      const size = 2 + short;
      if (bytes.length < size) return 0;
      this.#control(opcode, bytes.subarray(2, size));
      return size;
    }
    const headerSize = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < headerSize) return 0;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    this.#beginFrame(opcode, isFinal, length);
    if (length === 0) this.#readPayload(bytes.subarray(0, 0), 0);
    return headerSize;
  }

  #beginFrame(opcode: number, isFinal: boolean, length: number): void {
    if (opcode === OPCODE.continuation) {
      if (this.#isBinary === null) throw malformed("a message has no start");
    } else if (opcode === OPCODE.text || opcode === OPCODE.binary) {
      if (this.#isBinary !== null) throw malformed("a message starts in another one");
      this.#isBinary = opcode === OPCODE.binary;
      this.#messageBytes = 0;
    } else throw malformed(`it has an unknown opcode (${opcode})`);
    this.#messageBytes += length;
    if (this.#messageBytes > this.#maxMessage) {
      throw new FairleadError("exchange.too_large", "A message of the target is too large for the door.");
    }
    this.#isFinal = isFinal;
    this.#left = length;
  }

  #readPayload(bytes: Buffer, left: number): number {
    const piece = bytes.length > left ? bytes.subarray(0, left) : bytes;
    const isBinary = this.#isBinary === true;
    const isEnd = piece.length === left;
    const isLast = isEnd && this.#isFinal;
    this.#left = isEnd ? null : left - piece.length;
    if (isLast) this.#isBinary = null;
    if (piece.length > 0 || isLast) this.#events.piece(piece, isBinary, isLast);
    return piece.length;
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#events.ping(payload);
    else if (opcode === OPCODE.close) this.#close(payload);
    else if (opcode !== OPCODE.pong) throw malformed(`it has an unknown opcode (${opcode})`);
  }

  #close(payload: Buffer): void {
    if (payload.length === 1) throw malformed("the code of its close is cut off");
    const code = payload.length === 0 ? null : payload.readUInt16BE(0);
    if (code !== null && !isCloseCode(code)) throw malformed(`it closes with the code ${code}`);
    this.#isClosed = true;
    this.#events.close(code, payload.subarray(2).toString());
  }
}

/** Whether a close frame may name the code (RFC 6455 §7.4). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/**
 * A frame to a target, masked with a key that nobody can foresee. The payload may be changed in place.
 * @returns the pieces in their order
 */
export function maskedFrame(opcode: number, payload: Uint8Array): Uint8Array[] {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const headerSize = 2 + lengthBytes + MASK_BYTES;
  const isJoined = length <= JOIN_BELOW;
  const header = Buffer.allocUnsafe(isJoined ? headerSize + length : headerSize);
  header[0] = FINAL | opcode;
  header[1] = MASKED | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  const key = header.subarray(headerSize - MASK_BYTES, headerSize);
  randomFillSync(key);
  if (!isJoined) {
    applyMask(payload, key);
    return [header, payload];
  }
  header.set(payload, headerSize);
  applyMask(header.subarray(headerSize), key);
  return [header];
}

/** The payload of a close frame. @param code null to name none */
export function closePayload(code: number | null, reason: string): Buffer {
  if (code === null) return Buffer.alloc(0);
  const text = Buffer.from(reason);
  const payload = Buffer.alloc(2 + Math.min(text.length, MAX_CONTROL - 2));
  payload.writeUInt16BE(code);
  text.copy(payload, 2);
  return payload;
}

/** Masks bytes in place, or takes the mask off (RFC 6455 §5.3). */
function applyMask(bytes: Uint8Array, key: Uint8Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  const whole = bytes.length - (bytes.length % MASK_BYTES);
  for (let at = 0; at < whole; at += MASK_BYTES) {
    bytes[at] = (bytes[at] ?? 0) ^ a;
    bytes[at + 1] = (bytes[at + 1] ?? 0) ^ b;
    bytes[at + 2] = (bytes[at + 2] ?? 0) ^ c;
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ d;
  }
  for (let at = whole; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ (key[at % MASK_BYTES] ?? 0);
}

const malformed = (why: string): FairleadError =>
  new FairleadError("exchange.bad_response", `The target's WebSocket is not valid: ${why}.`);
