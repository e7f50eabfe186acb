/**
 * A lock on a directory that the kernel gives back when its holder dies, however it dies: an exclusive
 * SQLite transaction on `<directory>/lock`. Node has no flock of its own; SQLite brings POSIX locks, and
 * also refuses a second holder within one process, which bare POSIX locks would let through.
 *
 * Never open `<directory>/lock` by other means in the process that holds it: closing that file descriptor
 * would drop the lock.
 */
import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { FairleadError } from "../../protocol/errors.ts";
import { stateError } from "./errors.ts";

export const LOCK_FILE = "lock";

export interface Lock {
  release(): void;
}

/** SQLite's primary result codes that mean something here. */
const BUSY = 5;
const LOCKED = 6;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/**
 * Takes the lock of an existing directory.
 *
 * @param role who wants it, for the message: "edge", "connector"
 * @throws FairleadError state.locked when somebody holds it; state.unwritable, state.full, state.corrupt
 */
export function acquireLock(directory: string, role: string): Lock {
  const file = join(directory, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    database = new (sqlite().DatabaseSync)(file, { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    // Who can read it could hold a lock on it. By its path: see above about opening it.
    chmodSync(file, 0o600);
  } catch (error) {
    database?.close();
    throw lockError(error, directory, file, role);
  }
  const held = database;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}

/** Loads node:sqlite without the warning with which earlier releases of Node 24 announce it. */
function sqlite(): typeof import("node:sqlite") {
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

function lockError(error: unknown, directory: string, file: string, role: string): FairleadError {
  const code =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number"
      ? error.errcode & 0xff
      : 0;
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
    return new FairleadError(
      "state.corrupt",
      `${file} is not a lock file; remove it if you know why.`,
      options,
    );
  }
  return code === CANNOT_OPEN ? openError(file, error) : stateError(error, file);
}

/** SQLite does not say why it cannot open a file; the kernel does. Nobody here holds the lock by now. */
function openError(file: string, error: unknown): FairleadError {
  try {
    closeSync(openSync(file, "a", 0o600));
  } catch (reason) {
    return stateError(reason, file);
  }
  return stateError(error, file);
}
