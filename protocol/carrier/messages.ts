/**
 * Messages of carrier version 2, one binary WebSocket message each (docs/protocol.md, "Version 2").
 *
 *     byte 0      type
 *     bytes 1–3   number of the message on its lane, from 0, modulo 2^24
 *     bytes 4–    fields, big endian
 *
 *     0x01 DATA   u48 offset, bytes        bytes of the carrier, the first of them at offset
 *     0x02 ACK    u48 received             every byte below this offset arrived
 *     0x03 PING   u32 id, u48 received
 *     0x04 PONG   u32 id, u48 received     replies to a PING
 *     0x05 PARK   u48 sent, u48 received   no bytes are in flight: the lanes may close
 *     0x06 END    u48 sent, code           the bytes end at this offset; with an error's code, the carrier ends at once
 *
 * A lane keeps its messages whole and in order. A number that is not the next shows that the relay dropped,
 * repeated or swapped messages. An unknown type with the high bit set is skipped.
 */
import { readU24, readU32, readU48, writeU24, writeU32, writeU48 } from "../bytes.ts";
import { FairleadError } from "../errors.ts";
import { MAX_LANE_MESSAGE } from "./lane.ts";

/** The types of messages. */
export const MESSAGE = { data: 1, ack: 2, ping: 3, pong: 4, park: 5, end: 6 } as const;

/** Length of a DATA message's header, bytes. */
export const DATA_HEADER = 10;
/** Largest payload of a DATA message, bytes. */
export const MAX_DATA = MAX_LANE_MESSAGE - DATA_HEADER;
/** Largest offset. A carrier that reaches it ends. */
export const MAX_OFFSET = 2 ** 48 - 1;
/** Out-of-order bytes that a side keeps unless its preface says otherwise. */
export const DEFAULT_WINDOW_BYTES = 16 * 1024 * 1024;
/** Smallest window that a preface may name: a few messages. */
export const MIN_WINDOW_BYTES = 256 * 1024;

/**
 * Window before TLS has proven the peer, whatever the preface says. Until then, a peer needs to send only its
 * part of the handshake and its HELLO.
 */
export const UNPROVEN_WINDOW_BYTES = 256 * 1024;

const NUMBERS = 0x100_0000;
/** Longest error code in END, in characters. */
const MAX_CODE = 64;
const CODE = /^[a-z0-9_.]*$/;

/** The number of the message after `number`. */
export const nextNumber = (number: number): number => (number + 1) % NUMBERS;

/** A parsed message. */
export type Message =
  | { readonly type: typeof MESSAGE.data; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: typeof MESSAGE.ack; readonly received: number }
  | {
      readonly type: typeof MESSAGE.ping | typeof MESSAGE.pong;
      readonly id: number;
      readonly received: number;
    }
  | { readonly type: typeof MESSAGE.park; readonly sent: number; readonly received: number }
  | { readonly type: typeof MESSAGE.end; readonly sent: number; readonly code: string };

function start(type: number, number: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out[0] = type;
  writeU24(out, 1, number);
  return out;
}

/** The header of a DATA message; the payload follows. */
export function encodeDataHeader(number: number, offset: number): Uint8Array {
  const out = start(MESSAGE.data, number, DATA_HEADER);
  writeU48(out, 4, offset);
  return out;
}

/** An ACK message. @param received every byte below this offset arrived */
export function encodeAck(number: number, received: number): Uint8Array {
  const out = start(MESSAGE.ack, number, 10);
  writeU48(out, 4, received);
  return out;
}

/** A PING message. @param received every byte below this offset arrived */
export function encodePing(number: number, id: number, received: number): Uint8Array {
  return encodeProbe(MESSAGE.ping, number, id, received);
}

/** A PONG message. @param id the id of the PING */
export function encodePong(number: number, id: number, received: number): Uint8Array {
  return encodeProbe(MESSAGE.pong, number, id, received);
}

function encodeProbe(type: number, number: number, id: number, received: number): Uint8Array {
  const out = start(type, number, 14);
  writeU32(out, 4, id);
  writeU48(out, 8, received);
  return out;
}

/** A PARK message. @param sent bytes written so far */
export function encodePark(number: number, sent: number, received: number): Uint8Array {
  const out = start(MESSAGE.park, number, 16);
  writeU48(out, 4, sent);
  writeU48(out, 10, received);
  return out;
}

/** @param code an error's code, or empty to end on purpose */
export function encodeEnd(number: number, sent: number, code: string): Uint8Array {
  const out = start(MESSAGE.end, number, 10 + code.length);
  writeU48(out, 4, sent);
  for (let at = 0; at < code.length; at++) out[10 + at] = code.charCodeAt(at);
  return out;
}

const malformed = (what: string) => new FairleadError("session.malformed", `A message on the lane ${what}.`);

/**
 * Reads the message with this number on its lane. Returns null for a message to skip. The bytes of DATA are a
 * slice.
 * @throws FairleadError session.malformed, session.too_large.
 */
export function readMessage(message: Uint8Array, number: number): Message | null {
  const { length } = message;
  if (length > MAX_LANE_MESSAGE) throw new FairleadError("session.too_large");
  if (length < 4) throw malformed("is too short");
  const type = message[0] ?? 0;
  if (readU24(message, 1) !== number) throw malformed("does not have the next number");
  const exactly = (size: number): void => {
    if (length !== size) throw malformed(`of type ${type} has ${length} bytes`);
  };
  switch (type) {
    case MESSAGE.data:
      if (length <= DATA_HEADER) throw malformed("carries no data");
      return { type, offset: readU48(message, 4), bytes: message.subarray(DATA_HEADER) };
    case MESSAGE.ack:
      exactly(10);
      return { type, received: readU48(message, 4) };
    case MESSAGE.ping:
    case MESSAGE.pong:
      exactly(14);
      return { type, id: readU32(message, 4), received: readU48(message, 8) };
    case MESSAGE.park:
      exactly(16);
      return { type, sent: readU48(message, 4), received: readU48(message, 10) };
    case MESSAGE.end: {
      if (length < 10 || length > 10 + MAX_CODE) throw malformed(`of type ${type} has ${length} bytes`);
      const code = String.fromCharCode(...message.subarray(10));
      if (!CODE.test(code)) throw malformed("ends the carrier with something other than a code");
      return { type, sent: readU48(message, 4), code };
    }
    default:
      if (type >= 0x80) return null;
      throw malformed(`has the unknown type ${type}`);
  }
}
