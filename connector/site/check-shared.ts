/** Checks the membership that another connector of the site stored, before it is taken over. */
import type { StateReader } from "../state/store.ts";
import { KEY_FILE, loadKey } from "./key.ts";
import { checkMembership, loadMembership, SITE_FILE } from "./membership.ts";

/**
 * @param theirs the stored files
 * @param mine the files of this connector; none before it joins
 * @throws FairleadError `state.corrupt` for files that are damaged, or of another site than those of this connector
 */
export async function checkShared(theirs: StateReader, mine: StateReader): Promise<void> {
  const key = await loadKey(theirs);
  if (key === null) throw theirs.corrupt(KEY_FILE, "is missing");
  const own = await loadKey(mine);
  if (own !== null && !own.key.equals(key.key)) {
    throw theirs.corrupt(KEY_FILE, "is not the key of this connector's site");
  }
  const membership = await loadMembership(theirs);
  if (membership === null) return;
  checkMembership(theirs, membership, (leaf) => leaf.checkPrivateKey(key.key));
  const member = await loadMembership(mine);
  if (member !== null && member.site.id !== membership.site.id) {
    throw theirs.corrupt(SITE_FILE, "is of another site than this connector");
  }
}
