/**
 * The files of an edge that a backup contains: those that it cannot create again without losing every site.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { belongTogether } from "../../edge/credentials/certificates.ts";
import { FILES } from "../../edge/credentials/credentials.ts";
import { corruptState, errnoOf, stateError } from "../../state/errors.ts";
import { DEPLOYMENT_FILE } from "../deploy/deployment-record.ts";

/** In the order of a restore; the records, which prove that an edge is complete, come last. */
export const KEPT_FILES = [FILES.caKey, FILES.ca, FILES.adminKey, DEPLOYMENT_FILE, FILES.edge] as const;

/** The files that every edge has. */
const NEEDED = [FILES.ca, FILES.caKey] as const;

/**
 * Reads the files of an edge from its state directory, whether the edge runs there or was deployed from
 * there. Files are always replaced as a whole, so the edge may be running.
 * @throws FairleadError request.invalid when there is no edge, state.unwritable, state.corrupt
 */
export async function readEdgeFiles(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of KEPT_FILES) {
    const path = join(directory, name);
    try {
      files.set(name, await readFile(path, "utf8"));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EISDIR")
        throw corruptState(`${path} is a directory, not a file.`, "edge", { cause: error });
      if (errno !== "ENOENT") throw stateError(error, path);
    }
  }
  checkEdgeFiles(files, directory);
  return files;
}

/**
 * Checks that files belong to one edge.
 * @param where their source, for messages
 * @throws FairleadError request.invalid when a required file is missing, state.corrupt when the CA's key is
 *   another's
 */
export function checkEdgeFiles(files: ReadonlyMap<string, string>, where: string): void {
  const missing = NEEDED.find((name) => !files.has(name));
  if (missing !== undefined) {
    throw new FairleadError(
      "request.invalid",
      `${where} is no state directory of an edge: it has no ${missing}.`,
      {
        action:
          "Give the state directory of the edge with --state, on the machine of the edge and as its user.",
      },
    );
  }
  const credential = { certificate: files.get(FILES.ca) ?? "", privateKey: files.get(FILES.caKey) ?? "" };
  if (!belongTogether(credential)) {
    throw corruptState(`In ${where}, ${FILES.caKey} is not the key of ${FILES.ca}.`, "edge", {
      action: "Use files of one edge: put both back from the same backup.",
    });
  }
}
