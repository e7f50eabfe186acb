/** Whether what proved a viewer still holds: keys are revoked, sessions end, and identity tokens expire. */
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Config } from "../config.ts";
import { openConsole } from "../console/stub.ts";
import { openDirectory } from "../directory/facade.ts";
import type { Viewer } from "./viewer.ts";

/** The code for which a viewer may no longer watch; null while it may. @param now ms since 1970 */
export async function viewerRefusal(
  { proof, expiresAt }: Viewer,
  { adminKeyHash, objects }: Pick<Config, "adminKeyHash" | "objects">,
  now: number,
): Promise<ErrorCode | null> {
  if (expiresAt !== null && now >= expiresAt) return "oidc.expired";
  const isRevoked = async (hash: string) =>
    hash !== adminKeyHash && (await openDirectory(objects.directory).useKey(hash)) === null;
  switch (proof.kind) {
    case "none":
      return null;
    case "key":
      return (await isRevoked(proof.hash)) ? "key.invalid" : null;
    case "session": {
      const session = await openConsole(objects.console).session(proof.hash);
      if (session === null) return "console.session_ended";
      const { identity } = session;
      return identity.kind === "key" && (await isRevoked(identity.hash)) ? "key.invalid" : null;
    }
  }
}
