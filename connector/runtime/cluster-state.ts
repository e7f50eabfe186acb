/**
 * The state of a site whose connectors run in a Kubernetes cluster. Only a connector that was told of a cluster loads
 * this module, with all that it imports.
 */
import { type ClusterState, type OpenStateOptions, openState } from "../kubernetes/open-state.ts";
import { checkSharedFiles, SHARED_FILES, siteIdOf } from "./shared-files.ts";

/** Opens the state, once the API server answers. Null if the signal aborted first. @throws FairleadError kubernetes.* */
export async function openClusterState(
  options: Omit<OpenStateOptions, "files" | "siteOf" | "check">,
): Promise<ClusterState | null> {
  return await openState({ ...options, files: SHARED_FILES, siteOf: siteIdOf, check: checkSharedFiles });
}
