/**
 * The lock of a directory: an exclusive SQLite transaction on `<directory>/lock`. The kernel releases it when its
 * process ends, in whatever way. Node (24, November 2026) has no flock. SQLite uses POSIX locks, and also refuses a
 * second holder in the same process, which POSIX locks alone would allow.
 *
 * Never open `<directory>/lock` by other means in the process that holds the lock: closing that descriptor would
 * release it.
 */
import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { FairleadError } from "../../protocol/errors.ts";
import { stateError } from "./errors.ts";
import { BUSY, CANNOT_OPEN, FULL, LOCKED, loadSqlite, NOT_A_DATABASE, resultCode } from "./sqlite.ts";

export const LOCK_FILE = "lock";

export interface Lock {
  release(): void;
}

/** The locks of this process. Garbage collection of a database would close it, and with it release the lock. */
const held = new Set<DatabaseSync>();

/**
 * Takes the lock of an existing directory.
 * @param role the program that takes it, for the message: "edge" or "connector"
 * @throws FairleadError state.locked if another process or this one holds it; state.unwritable, state.full,
 * state.corrupt.
 */
export function acquireLock(directory: string, role: string): Lock {
  const file = join(directory, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    database = new (loadSqlite().DatabaseSync)(file, { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    // A user who can read the file could lock it. Changed by its path, because the file must not be opened.
    chmodSync(file, 0o600);
  } catch (error) {
    database?.close();
    throw lockError(error, directory, file, role);
  }
  const lock = database;
  held.add(lock);
  return {
    release() {
      if (held.delete(lock)) lock.close();
    },
  };
}

function lockError(error: unknown, directory: string, file: string, role: string): FairleadError {
  const code = resultCode(error);
  const options = { cause: error };
  if (code === BUSY || code === LOCKED) {
    return new FairleadError(
      "state.locked",
      `Another process uses ${directory} as the state directory of its ${role}.`,
      options,
    );
  }
  if (code === FULL)
    return new FairleadError("state.full", `Cannot write ${file}: the disk is full.`, options);
  if (code === NOT_A_DATABASE) {
    return new FairleadError("state.corrupt", `${file} is not a lock file.`, {
      ...options,
      action: "Remove the file if nothing else needs it, or choose another directory with --state.",
    });
  }
  return code === CANNOT_OPEN ? openError(file, error) : stateError(error, file);
}

/** Opens the file again for the kernel's reason, which SQLite does not report. This process holds no lock by now. */
function openError(file: string, error: unknown): FairleadError {
  try {
    closeSync(openSync(file, "a", 0o600));
  } catch (reason) {
    return stateError(reason, file);
  }
  return stateError(error, file);
}
