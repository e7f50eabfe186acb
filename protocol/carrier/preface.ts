/**
 * The preface: the first message on a lane each way, one text message with JSON of at most {@link MAX_PREFACE}
 * characters, unknown fields ignored. Both sides send theirs at once and wait for the other's. Session,
 * generation, site and boot id must be those of the invitation, else `session.wrong_peer`; the highest carrier version
 * in both ranges is used, none is `session.version`. Instead of a preface the edge may send
 * {@link LaneRefusal} and close.
 */
import { z } from "zod";
import { ErrorBody, FairleadError, fromErrorBody } from "../errors.ts";
import { BootId, SessionId, SiteId } from "../ids.ts";
import { parseWith } from "../parse.ts";
import { negotiate, VersionRange } from "../versions.ts";
import { DEFAULT_WINDOW_BYTES, MAX_OFFSET, MIN_WINDOW_BYTES } from "./messages.ts";

export const CARRIER_VERSIONS: VersionRange = { min: 1, max: 2 };

/** Longest preface, in UTF-16 code units. */
export const MAX_PREFACE = 4096;

const base64url32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

export const Preface = z.object({
  carrier: VersionRange,
  session: SessionId,
  generation: z.number().int().min(1),
  /** The sender's; with the boot id, the instance that it is. */
  site: SiteId,
  boot: BootId,
  // ---- from version 2 on ----
  /** Which lane of the generation this is. */
  lane: z.number().int().min(0).default(0),
  /** Bytes of the pipe that the sender has received in order. */
  received: z.number().int().min(0).max(MAX_OFFSET).default(0),
  /** Bytes that the sender keeps for want of earlier ones: the other side has no more than this unacknowledged. */
  window: z.number().int().min(MIN_WINDOW_BYTES).default(DEFAULT_WINDOW_BYTES),
  /** From generation 2 on: base64url HMAC-SHA-256 under the resume key (protocol/session/resume-proof.ts). */
  proof: base64url32.optional(),
});
export type Preface = z.infer<typeof Preface>;

/** What the edge says on a lane that it gives up. */
export const LaneRefusal = z.object({ type: z.literal("error"), error: ErrorBody });

/** What the invitation says about the other side of the lane. */
export interface ExpectedPeer {
  session: string;
  generation: number;
  site: string;
  boot: string;
  /** 0 unless given. */
  lane?: number;
}

export function encodePreface(preface: z.input<typeof Preface>): string {
  return JSON.stringify(preface);
}

/**
 * Reads the first text message of a lane and judges it. Returns the carrier version to speak, and the preface.
 * The proof is not checked here.
 * @throws FairleadError session.malformed, session.too_large, session.wrong_peer, session.version, or what the
 * edge's refusal says.
 */
export function readPreface(
  text: string,
  expected: ExpectedPeer,
  ours: VersionRange = CARRIER_VERSIONS,
): { version: number; preface: Preface } {
  if (text.length > MAX_PREFACE) throw new FairleadError("session.too_large", "the preface is too long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError("session.malformed", "the preface is not JSON", { cause });
  }
  const refusal = LaneRefusal.safeParse(value);
  if (refusal.success) throw fromErrorBody(refusal.data.error, "lane.failed");
  const preface = parseWith(Preface, value, { code: "session.malformed", what: "The preface is malformed" });
  const invited = { lane: 0, ...expected };
  for (const field of ["session", "generation", "site", "boot", "lane"] as const) {
    if (preface[field] === invited[field]) continue;
    throw new FairleadError("session.wrong_peer", `the preface names another ${field} than the invitation`);
  }
  const version = negotiate(ours, preface.carrier);
  if (version !== null) return { version, preface };
  const range = ({ min, max }: VersionRange) => `${min} to ${max}`;
  throw new FairleadError(
    "session.version",
    `carrier: we speak ${range(ours)}, the peer ${range(preface.carrier)}`,
  );
}
