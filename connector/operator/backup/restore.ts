/**
 * Restoring an edge onto an empty state directory. Everything is put together in a directory inside it first, by an edge
 * that runs there for as long as it takes, on addresses that no site knows; then it is moved into its place. So a
 * restore that fails leaves nothing, and no site meets an edge that knows only half of it.
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
import { LOCK_FILE } from "../../state/lock.ts";
import { DEPLOYMENT_FILE } from "../deploy/deployment-record.ts";
import type { Backup } from "./backup.ts";
import { checkEdgeFiles, KEPT_FILES } from "./edge-files.ts";
import { checkContents, send } from "./transfer.ts";

/** Where it is put together, in the state directory: so that moving it is renaming. */
const DRAFT_DIRECTORY = "restoring";

/** Any port of this machine that is free. */
const NOWHERE = "127.0.0.1:0";

export interface RestoreOptions {
  readonly state: string;
  readonly log: Log;
  /** Called with each network's name before it is restored. */
  readonly told: (network: string) => void;
  /** The built Worker's directory, when it is not the package's own. For tests. */
  readonly bundle?: string | undefined;
}

/**
 * Restores CA, keys, directory and networks.
 * @throws FairleadError `backup.not_empty`, `backup.malformed`, `state.*`, `edge.failed`
 */
export async function restoreEdge(backup: Backup, options: RestoreOptions): Promise<void> {
  checkContents(backup);
  await intoEmpty(without(backup, DEPLOYMENT_FILE), options.state, async (draft) => {
    const { log, bundle } = options;
    const edge = new EmbeddedEdge({ state: draft, api: NOWHERE, gateway: NOWHERE, log, bundle });
    try {
      const at = await edge.start();
      // If the backup has no admin key, since its operator took the file away, this edge made itself one.
      const [key, ca] = await Promise.all([readFile(at.adminKeyFile, "utf8"), readFile(at.caFile, "utf8")]);
      const client = new EdgeClient({ url: at.apiUrl, key: key.trim(), ca });
      await send(client, backup, options.told).finally(() => client.close());
    } finally {
      await edge.stop();
    }
  });
}

/**
 * Restores CA and keys only: for `edge deploy`, which then puts them where the edge runs.
 * @throws FairleadError `backup.not_empty`, `backup.malformed`, `state.*`
 */
export async function restoreFiles(backup: Backup, state: string): Promise<void> {
  await intoEmpty(without(backup, FILES.edge), state, async () => {});
}

/** A directory is that of an edge that runs there or of one that was deployed from there, not of both. */
function without(backup: Backup, name: string): Backup {
  return { ...backup, files: new Map([...backup.files].filter(([each]) => each !== name)) };
}

async function intoEmpty(
  backup: Backup,
  path: string,
  fill: (draft: string) => Promise<void>,
): Promise<void> {
  checkEdgeFiles(backup.files, "the backup");
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

/** The draft of a restore that was killed may be there. */
async function checkEmpty(state: StateDirectory): Promise<void> {
  await rm(state.file(DRAFT_DIRECTORY), { recursive: true, force: true });
  const held = (await readdir(state.path)).filter((name) => name !== LOCK_FILE);
  if (held.length > 0) {
    throw new FairleadError("backup.not_empty", `There is something in ${state.path} already (${held[0]}).`);
  }
}

/** What the edge has to find at its start. Its record is not among it: it has the ports that sites know. */
async function prepare(backup: Backup, draft: string): Promise<void> {
  const directory = openStateDirectory(draft, { role: "edge" });
  try {
    for (const name of [FILES.caKey, FILES.ca, FILES.adminKey]) await write(directory, backup, name);
  } finally {
    await directory.close();
  }
}

/** The record comes last: where it is, everything is. */
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
