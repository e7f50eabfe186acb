/**
 * The preface: the first message on a lane in each direction (docs/protocol.md, "The lane and the carrier").
 *
 * It is one text message with JSON. Both sides send theirs at once. The invitation names the peer whose
 * preface must arrive, and the highest carrier version in both ranges is used. Instead of the peer's preface,
 * the edge may send {@link LaneRefusal} and close the lane.
 */
import * as z from "zod";
import { ErrorBody, FairleadError, fromErrorBody } from "../errors.ts";
import { BootId, DoorId, SessionId, SiteId } from "../ids.ts";
import { parseWith } from "../parse.ts";
import { negotiate, VersionRange } from "../versions.ts";
import { DEFAULT_WINDOW_BYTES, MAX_OFFSET, MIN_WINDOW_BYTES } from "./messages.ts";

/** The versions of the carrier that this implementation speaks. */
export const CARRIER_VERSIONS: VersionRange = { min: 1, max: 2 };

/** Longest preface, in UTF-16 code units. */
export const MAX_PREFACE = 4096;

const base64url32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** The schema of a preface. */
export const Preface = z.object({
  carrier: VersionRange,
  session: SessionId,
  generation: z.number().int().min(1),
  /** The sender's instance, with the boot id. A door has its own id in place of a site's. */
  site: z.union([SiteId, DoorId]),
  boot: BootId,
  // ---- from version 2 on ----
  /** Which lane of the generation this is. */
  lane: z.number().int().min(0).default(0),
  /** Bytes of the carrier that the sender has received in order. */
  received: z.number().int().min(0).max(MAX_OFFSET).default(0),
  /** Out-of-order bytes that the sender keeps. The receiver has no more than this unacknowledged. */
  window: z.number().int().min(MIN_WINDOW_BYTES).default(DEFAULT_WINDOW_BYTES),
  /** From generation 2 on: base64url HMAC-SHA-256 under the resume key (protocol/session/resume-proof.ts). */
  proof: base64url32.optional(),
});
export type Preface = z.infer<typeof Preface>;

/** The edge's refusal on a lane that it closes. */
export const LaneRefusal = z.object({ type: z.literal("error"), error: ErrorBody });

/** The peer's preface as the invitation lets this side expect it. */
export interface ExpectedPeer {
  session: string;
  generation: number;
  site: string;
  boot: string;
  /** The lane's index; 0 unless given. */
  lane?: number;
}

/** The text of a preface. */
export function encodePreface(preface: z.input<typeof Preface>): string {
  return JSON.stringify(preface);
}

/**
 * Reads the peer's preface and selects the carrier version. Does not verify the proof
 * (protocol/session/resume-proof.ts).
 * @throws FairleadError session.malformed, session.too_large, session.wrong_peer, session.version, or the
 * code of the edge's refusal.
 */
export function readPreface(
  text: string,
  expected: ExpectedPeer,
  ours: VersionRange = CARRIER_VERSIONS,
): { version: number; preface: Preface } {
  if (text.length > MAX_PREFACE) throw new FairleadError("session.too_large", "The preface is too long.");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError("session.malformed", "The preface is not JSON.", { cause });
  }
  const refusal = LaneRefusal.safeParse(value);
  if (refusal.success) throw fromErrorBody(refusal.data.error, "lane.failed");
  const preface = parseWith(Preface, value, { code: "session.malformed", what: "The preface is malformed" });
  const invited = { lane: 0, ...expected };
  for (const field of ["session", "generation", "site", "boot", "lane"] as const) {
    if (preface[field] === invited[field]) continue;
    throw new FairleadError("session.wrong_peer", `The preface names another ${field} than the invitation.`);
  }
  const version = negotiate(ours, preface.carrier);
  if (version !== null) return { version, preface };
  const range = ({ min, max }: VersionRange) => `${min} to ${max}`;
  throw new FairleadError(
    "session.version",
    `This side speaks carrier versions ${range(ours)}, the peer ${range(preface.carrier)}.`,
  );
}
