/**
 * The proof on lanes of a session's later generations (docs/protocol.md, "The proof").
 *
 * TLS exports the key. In hop mode both HELLOs carry a share of it.
 */
import { decodeBase64, encodeBase64Url, equalBytes } from "../encoding.ts";
import type { InstanceId } from "../instance-id.ts";

/** Length of the resume key, and of each side's share of it in hop mode, bytes. */
export const RESUME_KEY_BYTES = 32;
/** Label under which TLS exports the resume key (RFC 8446 §7.5); the context is the session id. */
export const RESUME_KEY_LABEL = "EXPORTER-fairlead-resume";

/** What the sender of a preface claims, to one receiver and on one lane. */
export interface LaneClaim {
  readonly session: string;
  readonly generation: number;
  readonly lane: number;
  readonly sender: InstanceId;
  readonly receiver: InstanceId;
  /** Bytes of the carrier that the sender has received in order. */
  readonly received: number;
}

/** HMAC-SHA-256. Passed in: Node and Workers compute it synchronously by different means. */
export type HmacSha256 = (key: Uint8Array, text: string) => Uint8Array;

/** The text that the HMAC covers. */
export function proofText(claim: LaneClaim): string {
  const { session, generation, lane, sender, receiver, received } = claim;
  const ends = [sender.site, sender.boot, receiver.site, receiver.boot];
  return [session, generation, lane, ...ends, received].join("|");
}

/** Makes and verifies the proofs of one session. */
export class ResumeProof {
  readonly #key: Uint8Array;
  readonly #hmac: HmacSha256;

  constructor(key: Uint8Array, hmac: HmacSha256) {
    this.#key = key;
    this.#hmac = hmac;
  }

  /** The proof of a claim, base64url. */
  create(claim: LaneClaim): string {
    return encodeBase64Url(this.#hmac(this.#key, proofText(claim)));
  }

  /** Whether `proof` proves the claim. Takes the same time for every wrong proof of the right length. */
  verify(claim: LaneClaim, proof: string | undefined): boolean {
    const given = proof === undefined ? null : decodeBase64(proof);
    return given !== null && equalBytes(given, this.#hmac(this.#key, proofText(claim)));
  }
}
