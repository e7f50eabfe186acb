/**
 * Restores an edge into an empty state directory. A temporary edge in a directory inside it takes the backup,
 * at addresses that no site knows; then the result is moved into place. So a failed restore leaves nothing,
 * and no site reaches an incomplete edge.
 */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { FILES } from "../../edge/credentials/credentials.ts";
import { EmbeddedEdge, OBJECTS_DIRECTORY } from "../../edge/embedded-edge.ts";
import type { Log } from "../../log.ts";
import { EdgeClient } from "../../net/edge-client.ts";
import { openStateDirectory, type StateDirectory } from "../../state/directory.ts";
import { stateError } from "../../state/errors.ts";
import { withoutForeign } from "../../state/foreign-entries.ts";
import { LOCK_FILE } from "../../state/lock.ts";
import { DEPLOYMENT_FILE } from "../deploy/deployment-record.ts";
import type { Backup } from "./backup.ts";
import { checkEdgeFiles, KEPT_FILES } from "./edge-files.ts";
import { checkContents, send } from "./transfer.ts";

/** Directory of the temporary edge. It is inside the state directory, so that moving files is renaming. */
const DRAFT_DIRECTORY = "restoring";

/** A free port of this machine. */
const NOWHERE = "127.0.0.1:0";

export interface RestoreOptions {
  readonly state: string;
  readonly log: Log;
  /** Called with the name of each network before it is restored. */
  readonly onNetwork: (network: string) => void;
  /** Directory of the built Worker, for tests; the package's own unless given. */
  readonly bundle?: string | undefined;
}

/**
 * Restores CA, keys, directory and networks.
 * @throws FairleadError backup.not_empty, backup.malformed, state.*, edge.failed
 */
export async function restoreEdge(backup: Backup, options: RestoreOptions): Promise<void> {
  checkContents(backup);
  await intoEmpty(without(backup, DEPLOYMENT_FILE), options.state, async (draft) => {
    const { log, bundle } = options;
    const edge = new EmbeddedEdge({ state: draft, api: NOWHERE, gateway: NOWHERE, log, bundle });
    try {
      const at = await edge.start();
      // Without an admin key in the backup, since its operator removed the file, this edge creates one.
      const [key, ca] = await Promise.all([readFile(at.adminKeyFile, "utf8"), readFile(at.caFile, "utf8")]);
      const client = new EdgeClient({ url: at.apiUrl, key: key.trim(), ca });
      await send(client, backup, options.onNetwork).finally(() => client.close());
    } finally {
      await edge.stop();
    }
  });
}

/**
 * Restores CA and keys only, for `edge deploy`.
 * @throws FairleadError backup.not_empty, backup.malformed, state.*
 */
export async function restoreFiles(backup: Backup, state: string): Promise<void> {
  await intoEmpty(without(backup, FILES.edge), state, async () => {});
}

/**
 * A backup without one file: a state directory has the record of a running edge or of a deployed one, not
 * both.
 */
function without(backup: Backup, name: string): Backup {
  return { ...backup, files: new Map([...backup.files].filter(([each]) => each !== name)) };
}

async function intoEmpty(
  backup: Backup,
  path: string,
  fill: (draft: string) => Promise<void>,
): Promise<void> {
  checkEdgeFiles(backup.files, "The backup");
  const state = openStateDirectory(path, { role: "edge" });
  const draft = state.file(DRAFT_DIRECTORY);
  try {
    await checkEmpty(state);
    try {
      await mkdir(draft, { mode: 0o700 });
      await prepare(backup, draft);
      await fill(draft);
      await moveUp(backup, state, draft);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  } catch (error) {
    throw stateError(error, path);
  } finally {
    await state.close();
  }
}

/** Checks that the state directory is empty, but for the remains of a killed restore, which are removed. */
async function checkEmpty(state: StateDirectory): Promise<void> {
  await rm(state.file(DRAFT_DIRECTORY), { recursive: true, force: true });
  const held = withoutForeign(await readdir(state.path)).filter((name) => name !== LOCK_FILE);
  if (held.length > 0) {
    throw new FairleadError("backup.not_empty", `${state.path} is not empty: it has ${held[0]}.`, {
      action: "Give an empty state directory with --state, or move this one away.",
    });
  }
}

/**
 * Writes the files that the temporary edge needs. Its record is not one of them: it has the ports that sites
 * know.
 */
async function prepare(backup: Backup, draft: string): Promise<void> {
  const directory = openStateDirectory(draft, { role: "edge" });
  try {
    for (const name of [FILES.caKey, FILES.ca, FILES.adminKey]) await write(directory, backup, name);
  } finally {
    await directory.close();
  }
}

/** Moves the result into place. The record comes last: where it exists, everything exists. */
async function moveUp(backup: Backup, state: StateDirectory, draft: string): Promise<void> {
  const made = await readdir(draft);
  if (made.includes(OBJECTS_DIRECTORY)) {
    await rename(join(draft, OBJECTS_DIRECTORY), state.file(OBJECTS_DIRECTORY));
  }
  for (const name of KEPT_FILES) await write(state, backup, name);
}

async function write(directory: StateDirectory, backup: Backup, name: string): Promise<void> {
  const text = backup.files.get(name);
  if (text === undefined) return;
  await directory.writeAtomic(name, text, { mode: name === FILES.ca ? 0o644 : 0o600 });
}
