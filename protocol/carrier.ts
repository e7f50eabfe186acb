/**
 * The carrier: the reliable pipe of bytes under a session's TLS, and what is said on a lane before it.
 *
 * A lane is a WebSocket. The first message each way is the *preface*: one text message with the JSON of
 * {@link Preface}, at most {@link MAX_PREFACE} characters, unknown fields ignored. Both sides send theirs at
 * once and wait for the other's. Session, generation and boot id must be those of the invitation, else
 * `session.wrong_peer`; the highest version in both ranges is used, none is `session.version`. Instead of a
 * preface the edge may send {@link LaneRefusal} and close.
 *
 * After the prefaces every message is binary, 1 to {@link MAX_LANE_MESSAGE} bytes. In version 1 the messages
 * are the bytes of the pipe in order, message boundaries mean nothing, and the pipe ends with its lane. An end
 * on purpose is WebSocket close 1000; any other has an error's code as its reason, where there is one.
 *
 * carrier 1 (2026-11): the first. A version that survives the loss of a lane adds its numbering, acknowledgements
 * and replay below the same {@link Carrier}; nothing above it changes.
 */
import { z } from "zod";
import { ErrorBody, FairleadError, fromErrorBody } from "./errors.ts";
import { BootId, SessionId } from "./ids.ts";
import { negotiate, VersionRange } from "./versions.ts";

export const CARRIER_VERSIONS: VersionRange = { min: 1, max: 1 };

/** Longest preface, in UTF-16 code units. */
export const MAX_PREFACE = 4096;
/** Largest binary message on a lane, in bytes. */
export const MAX_LANE_MESSAGE = 64 * 1024;

export const Preface = z.object({
  carrier: VersionRange,
  session: SessionId,
  generation: z.number().int().min(1),
  /** The sender's. */
  boot: BootId,
});
export type Preface = z.infer<typeof Preface>;

/** What the edge says on a lane that it gives up. */
export const LaneRefusal = z.object({ type: z.literal("error"), error: ErrorBody });

/** What the invitation says about the other side of the lane. */
export interface ExpectedPeer {
  session: string;
  generation: number;
  boot: string;
}

export function encodePreface(preface: Preface): string {
  return JSON.stringify(preface);
}

/**
 * Reads the first text message of a lane and judges it. Returns the carrier version to speak.
 * @throws FairleadError session.malformed, session.too_large, session.wrong_peer, session.version, or what the
 * edge's refusal says.
 */
export function readPreface(text: string, expected: ExpectedPeer, ours = CARRIER_VERSIONS): number {
  if (text.length > MAX_PREFACE) throw new FairleadError("session.too_large", "the preface is too long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError("session.malformed", "the preface is not JSON", { cause });
  }
  const refusal = LaneRefusal.safeParse(value);
  if (refusal.success) throw fromErrorBody(refusal.data.error, "lane.failed");
  const parsed = Preface.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FairleadError("session.malformed", `preface: ${issue?.path.join(".")} ${issue?.message}`);
  }
  const preface = parsed.data;
  for (const field of ["session", "generation", "boot"] as const) {
    if (preface[field] === expected[field]) continue;
    throw new FairleadError("session.wrong_peer", `the preface names another ${field} than the invitation`);
  }
  const version = negotiate(ours, preface.carrier);
  if (version !== null) return version;
  const range = ({ min, max }: VersionRange) => `${min} to ${max}`;
  throw new FairleadError(
    "session.version",
    `carrier: we speak ${range(ours)}, the peer ${range(preface.carrier)}`,
  );
}

/** One message pipe. Whoever carries bytes over it gives it {@link LaneEvents}. */
export interface Lane {
  /** Sends the preface. */
  sendText(text: string): void;
  /** Sends one message; false asks to wait for `drained`, the message is taken all the same. */
  send(message: Uint8Array): boolean;
  /** Stops and starts reading; a few messages may still come after `pause`. */
  pause(): void;
  resume(): void;
  /** Ends the lane after what was sent; with an error, its code is the reason. */
  close(error?: FairleadError): void;
}

export interface LaneEvents {
  opened(): void;
  text(message: string): void;
  bytes(message: Uint8Array): void;
  drained(): void;
  /** The lane is over: null when the other side ended it on purpose. */
  closed(error: FairleadError | null): void;
}

/**
 * A reliable pipe of bytes that may outlive its lane. The bytes go through the platform's own stream type (in
 * the connector, a Node Duplex that is also a Carrier); this is what the session needs beside them.
 */
export interface Carrier {
  readonly version: number;
  /** Why the pipe ended; null while it lives, and when it ended on purpose. */
  readonly failure: FairleadError | null;
  /** Ends the pipe and its lane now, telling the other side why. */
  abort(error: FairleadError): void;
}
