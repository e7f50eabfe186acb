/** The resume key of a session with hop encryption, for which there is no TLS to export one. */
import { hkdfSync } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { RESUME_KEY_BYTES, RESUME_KEY_LABEL } from "../../protocol/session/resume-proof.ts";

/**
 * Made of both sides' shares, which travel in their HELLOs: it keeps out who has not read those. The edge has, so
 * against it a session with hop encryption proves nothing on any lane, as it proved nothing on the first.
 * @throws FairleadError session.malformed when the peer gave no share.
 */
export function hopResumeKey(
  session: string,
  role: "client" | "server",
  ours: string,
  theirs: string | undefined,
): Buffer {
  if (theirs === undefined)
    throw new FairleadError("session.malformed", "HELLO has no share of a resume key");
  const shares = (role === "server" ? [ours, theirs] : [theirs, ours]).map((share) =>
    Buffer.from(share, "base64url"),
  );
  return Buffer.from(hkdfSync("sha256", Buffer.concat(shares), session, RESUME_KEY_LABEL, RESUME_KEY_BYTES));
}
