/** The files of a site's state that its connectors share. The others, such as addresses of listeners, are one connector's. */
import * as z from "zod";
import { checkShared } from "../site/check-shared.ts";
import { KEY_FILE } from "../site/key.ts";
import { MEMBERSHIP_FILES, SITE_FILE } from "../site/membership.ts";
import { type FilesPlace, FilesReader } from "../state/files-reader.ts";
import type { Files } from "../state/store.ts";
import { OFFERS_FILE, Offers } from "../targets/offers.ts";

export const SHARED_FILES: readonly string[] = [KEY_FILE, ...MEMBERSHIP_FILES, OFFERS_FILE];

const SiteId = z.object({ site: z.object({ id: z.string() }) });

/**
 * Checks files that another connector of the site stored. A file that only this connector has counts as theirs, except
 * for the key.
 * @throws FairleadError `state.corrupt`
 */
export async function checkSharedFiles(theirs: Files, mine: Files, place: FilesPlace): Promise<void> {
  const { [KEY_FILE]: _key, ...others } = mine;
  const reader = new FilesReader({ ...others, ...theirs }, place);
  await checkShared(reader, new FilesReader(mine, place));
  await Offers.check(reader);
}

/** The id of the site that files are of; null before it joined, and for a damaged file. */
export function siteIdOf(files: Files): string | null {
  try {
    return SiteId.parse(JSON.parse(files[SITE_FILE] ?? "null")).site.id;
  } catch {
    return null;
  }
}
