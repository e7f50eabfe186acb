/** Whether what proved a viewer still holds: keys are revoked, sessions end, and identity tokens expire. */
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import type { Viewer } from "./viewer.ts";

/** The code for which a viewer may no longer watch; null while it may. @param now ms since 1970 */
export async function viewerRefusal(
  { proof, expiresAt }: Viewer,
  { adminKeyHash, objects }: Pick<Config, "adminKeyHash" | "objects">,
  now: number,
): Promise<ErrorCode | null> {
  if (expiresAt !== null && now >= expiresAt) return "oidc.expired";
  if (proof.kind !== "key" || proof.hash === adminKeyHash) return null;
  return (await openDirectory(objects.directory).useKey(proof.hash)) === null ? "key.invalid" : null;
}
