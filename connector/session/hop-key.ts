/**
 * The resume key of a session with hop encryption. Without TLS between the connectors, no key can be
 * exported.
 */
import { hkdfSync } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { RESUME_KEY_BYTES, RESUME_KEY_LABEL } from "../../protocol/session/resume-proof.ts";

/**
 * Derives the key from the shares in both HELLOs. The key excludes every party that has not read the HELLOs. The
 * edge reads them, so a session with hop encryption proves nothing against the edge, on any lane.
 * @throws FairleadError `session.malformed` when the peer sent no share.
 */
export function hopResumeKey(
  session: string,
  role: "client" | "server",
  ours: string,
  theirs: string | undefined,
): Buffer {
  if (theirs === undefined)
    throw new FairleadError("session.malformed", "HELLO has no share of a resume key.");
  const shares = (role === "server" ? [ours, theirs] : [theirs, ours]).map((share) =>
    Buffer.from(share, "base64url"),
  );
  return Buffer.from(hkdfSync("sha256", Buffer.concat(shares), session, RESUME_KEY_LABEL, RESUME_KEY_BYTES));
}
