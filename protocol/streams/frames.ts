/**
 * Frames: the messages of two connectors inside the TLS connection of a session (docs/protocol.md, "Frames").
 * Version 1.
 *
 *     byte 0      type
 *     bytes 1–3   length of the payload, 0 to 65,536
 *     bytes 4–7   stream id; 0 is the session itself
 *     bytes 8–    payload
 *
 * Numbers are big endian. Frames follow each other without gaps.
 *
 * | type | name   | stream | payload                        | largest | sent by                                        |
 * |------|--------|--------|--------------------------------|---------|------------------------------------------------|
 * | 0x01 | HELLO  | 0      | JSON {@link Hello}             |   4,096 | each side, first and once                      |
 * | 0x02 | OPEN   | new id | JSON {@link Open}              |   4,096 | the opener, after the peer's HELLO             |
 * | 0x03 | ACCEPT | id     | none                           |   4,096 | the receiver of the OPEN                       |
 * | 0x04 | DATA   | id     | 1 to 65,536 bytes              |  65,536 | the opener after OPEN, the other after ACCEPT  |
 * | 0x05 | CREDIT | id     | u32, bytes granted in addition |   4,096 | the receiver of DATA                           |
 * | 0x06 | FIN    | id     | none                           |   4,096 | a side that sends no more DATA                 |
 * | 0x07 | RESET  | id     | JSON ErrorBody                 |   4,096 | either side; both directions end               |
 * | 0x08 | GOAWAY | 0      | JSON ErrorBody                 |   4,096 | either side; no more streams                   |
 *
 * - A RESET before ACCEPT rejects the OPEN. A RESET gets no reply.
 * - DATA may follow its OPEN at once. The credit of each stream and direction begins with the window of the
 *   receiver's HELLO, and CREDIT adds to it. Only DATA uses credit.
 * - The TLS server opens even ids from 2, the TLS client odd ids from 1, each rising and used once. Ids may
 *   be skipped. A frame for an id that was used and has ended is ignored: it was in flight.
 * - GOAWAY is answered with GOAWAY, once. It may be sent again with a graver reason. When both were sent and
 *   no stream is left, the session ends. When the connection ends after a GOAWAY, open streams fail with its
 *   code.
 * - The highest version in both HELLOs is used. The header and HELLO stay the same in every version.
 *
 * For extensions, a receiver skips unknown types with the high bit set, bytes behind the payload of ACCEPT,
 * CREDIT and FIN, and unknown fields in JSON. Everything else that is wrong ends the session with a GOAWAY
 * that says why: `session.malformed` for any other unknown type, a zero CREDIT, an empty DATA, and a frame on
 * the wrong kind of stream id; `session.too_large` for a payload above the largest; `session.out_of_order`
 * for a frame at the wrong time; `session.credit` for DATA beyond the credit.
 */
import * as z from "zod";
import { readU32, writeU24, writeU32 } from "../bytes.ts";
import { ErrorBody, FairleadError, toErrorBody } from "../errors.ts";
import { Port, ServiceName } from "../names.ts";
import { parseJsonWith } from "../parse.ts";
import { StreamKind } from "../stream-kind.ts";
import { shownText } from "../text.ts";
import { Traceparent } from "../trace-context.ts";
import { VersionRange } from "../versions.ts";

/** The types of frames. */
export const FRAME = {
  hello: 0x01,
  open: 0x02,
  accept: 0x03,
  data: 0x04,
  credit: 0x05,
  fin: 0x06,
  reset: 0x07,
  goaway: 0x08,
} as const;

/** A receiver skips unknown types with this bit. */
export const EXTENSION_BIT = 0x80;

/** Length of a header, bytes. */
export const HEADER_BYTES = 8;
/** Largest payload of DATA and of extensions, bytes. */
export const MAX_DATA = 64 * 1024;
/** Largest payload of a frame other than DATA and extensions, bytes. */
export const MAX_CONTROL = 4096;
/** The largest stream id. */
export const MAX_STREAM_ID = 0xffff_ffff;
/** Largest window, and the most credit of a stream, bytes. */
export const MAX_CREDIT = 0x7fff_ffff;

/** Longest message of an error in a frame, in characters. Longer ones are cut. */
const MAX_ERROR_MESSAGE = 500;

const MAX_FEATURES = 64;
const FeatureName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);

/** The first frame of each side. */
export const Hello = z.object({
  versions: VersionRange,
  /** Initial credit of each stream, bytes. */
  window: z.number().int().min(1).max(MAX_CREDIT),
  /** Streams that the receiver of this HELLO may have open at once, of those that it opened. */
  maxStreams: z.number().int().min(0).max(MAX_STREAM_ID),
  software: shownText(100),
  /** Features of the sender; none where the field is missing. Unknown names are ignored. */
  features: z.array(FeatureName).max(MAX_FEATURES).optional(),
  /** Hop encryption only: base64url of the sender's 32 random bytes of the resume key. */
  resumeKey: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
});
export type Hello = z.infer<typeof Hello>;

/** The request for a stream. */
export const Open = z.object({
  service: ServiceName,
  /** Streams that the client's connection passed through before, as far as the opener knows. */
  hops: z.number().int().min(0).max(255).optional(),
  /** "tcp" where the field is missing. */
  kind: StreamKind.optional(),
  /** The port of the service; its first one where the field is missing. */
  port: Port.optional(),
  traceparent: Traceparent.optional(),
});
export type Open = z.infer<typeof Open>;

const FrameError = ErrorBody.extend({
  code: z.string().min(1).max(64),
  message: z.string().max(MAX_CONTROL),
  action: z.string().max(MAX_CONTROL).optional(),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Writes a header of {@link HEADER_BYTES} into `target` at `at`. */
export function writeHeader(
  target: Uint8Array,
  at: number,
  type: number,
  length: number,
  stream: number,
): void {
  target[at] = type;
  writeU24(target, at + 1, length);
  writeU32(target, at + 4, stream);
}

/** A frame in one buffer. */
export function encodeFrame(type: number, stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(frame, 0, type, payload.length, stream);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

const encodeJson = (type: number, stream: number, value: unknown): Uint8Array =>
  encodeFrame(type, stream, encoder.encode(JSON.stringify(value)));

const encodeError = (type: number, stream: number, error: FairleadError): Uint8Array => {
  const body = toErrorBody(error);
  return encodeJson(type, stream, { ...body, message: body.message.slice(0, MAX_ERROR_MESSAGE) });
};

const NOTHING = new Uint8Array(0);

/** The payload of an OPEN. */
export const encodeOpenPayload = (open: Open): Uint8Array => encoder.encode(JSON.stringify(open));

/** A HELLO frame. */
export const encodeHello = (hello: Hello): Uint8Array => encodeJson(FRAME.hello, 0, hello);
/** An OPEN frame. @param stream the id of the new stream */
export const encodeOpen = (stream: number, open: Open): Uint8Array => encodeJson(FRAME.open, stream, open);
/** An ACCEPT frame. */
export const encodeAccept = (stream: number): Uint8Array => encodeFrame(FRAME.accept, stream, NOTHING);
/** A DATA frame. @param data 1 to {@link MAX_DATA} bytes */
export const encodeData = (stream: number, data: Uint8Array): Uint8Array =>
  encodeFrame(FRAME.data, stream, data);
/** A FIN frame. */
export const encodeFin = (stream: number): Uint8Array => encodeFrame(FRAME.fin, stream, NOTHING);
/** A RESET frame. Its message is cut to the limit. */
export const encodeReset = (stream: number, error: FairleadError): Uint8Array =>
  encodeError(FRAME.reset, stream, error);
/** A GOAWAY frame. Its message is cut to the limit. */
export const encodeGoaway = (error: FairleadError): Uint8Array => encodeError(FRAME.goaway, 0, error);

/** A CREDIT frame. @param bytes granted in addition, at least 1 */
export function encodeCredit(stream: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, bytes);
  return encodeFrame(FRAME.credit, stream, payload);
}

function parseJson<T>(frame: string, schema: z.ZodType<T>, payload: Uint8Array): T {
  const what = `The ${frame} frame is malformed`;
  let text: string;
  try {
    text = decoder.decode(payload);
  } catch (cause) {
    throw new FairleadError("session.malformed", `${what}: not UTF-8.`, { cause });
  }
  return parseJsonWith(schema, text, { code: "session.malformed", what });
}

// Each parser reads the payload of one frame. @throws FairleadError session.malformed
export const parseHello = (payload: Uint8Array): Hello => parseJson("HELLO", Hello, payload);
export const parseOpen = (payload: Uint8Array): Open => parseJson("OPEN", Open, payload);
export const parseReset = (payload: Uint8Array): ErrorBody => parseJson("RESET", FrameError, payload);
export const parseGoaway = (payload: Uint8Array): ErrorBody => parseJson("GOAWAY", FrameError, payload);

/** The bytes that a CREDIT grants. @throws FairleadError session.malformed */
export function parseCredit(payload: Uint8Array): number {
  if (payload.length < 4) throw new FairleadError("session.malformed", "A CREDIT has fewer than 4 bytes.");
  const bytes = readU32(payload, 0);
  if (bytes === 0) throw new FairleadError("session.malformed", "A CREDIT grants nothing.");
  return bytes;
}
