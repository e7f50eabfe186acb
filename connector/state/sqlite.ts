/** Node's SQLite, and the result codes that are handled. */

/** Primary result codes (https://www.sqlite.org/rescode.html). */
export const BUSY = 5;
export const LOCKED = 6;
export const CORRUPT = 11;
export const FULL = 13;
export const CANNOT_OPEN = 14;
export const NOT_A_DATABASE = 26;

/** Loads node:sqlite without the warning of early releases of Node 24. */
export function loadSqlite(): typeof import("node:sqlite") {
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The primary result code of an error of SQLite; 0 for any other error. */
export function resultCode(error: unknown): number {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : 0;
}
