/** Which of an edge's own files belong into a backup: what it cannot make again without losing every site. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { belongTogether } from "../../edge/credentials/certificates.ts";
import { FILES } from "../../edge/credentials/credentials.ts";
import { errnoOf, stateError } from "../../state/errors.ts";
import { DEPLOYMENT_FILE } from "../deploy/deployment-record.ts";

/** In the order in which they are written back: what says that an edge is complete comes last. */
export const KEPT_FILES = [FILES.caKey, FILES.ca, FILES.adminKey, DEPLOYMENT_FILE, FILES.edge] as const;

/** Without these there is no edge. */
const NEEDED = [FILES.ca, FILES.caKey] as const;

/**
 * Reads the files of a state directory, of an edge that runs there or of one that was deployed from there. They are
 * replaced as a whole, never changed, so that a running edge is no hindrance.
 * @throws FairleadError `request.invalid` when there is no edge, `state.unwritable`, `state.corrupt`
 */
export async function readEdgeFiles(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of KEPT_FILES) {
    const path = join(directory, name);
    try {
      files.set(name, await readFile(path, "utf8"));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw stateError(error, path);
    }
  }
  checkEdgeFiles(files, directory);
  return files;
}

/**
 * @param where what they are from, for messages.
 * @throws FairleadError `request.invalid` when one that is needed is missing, `state.corrupt` when they do not fit
 */
export function checkEdgeFiles(files: ReadonlyMap<string, string>, where: string): void {
  const missing = NEEDED.find((name) => !files.has(name));
  if (missing !== undefined) {
    throw new FairleadError(
      "request.invalid",
      `${where} is no state directory of an edge: it has no ${missing}`,
    );
  }
  const credential = { certificate: files.get(FILES.ca) ?? "", privateKey: files.get(FILES.caKey) ?? "" };
  if (!belongTogether(credential)) {
    throw new FairleadError("state.corrupt", `in ${where}, ${FILES.caKey} is not the key of ${FILES.ca}`);
  }
}
