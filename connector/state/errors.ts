/** Maps errors of the file system to errors of the state directory. */
import { FairleadError } from "../../protocol/errors.ts";

/** What to do about a state directory that cannot be used, by the code of the operating system. */
const ACTIONS: Readonly<Record<string, string>> = {
  EACCES:
    "Run the command as the user who owns the state directory, give that user access with chown, or choose another directory with --state.",
  EPERM:
    "Run the command as the user who owns the state directory, give that user access with chown, or choose another directory with --state.",
  EROFS:
    "The file system is read-only: mount it for writing, or choose a directory on another one with --state.",
  ENOENT:
    "Check that the file system of the directory is mounted and that its parent exists, or choose another directory with --state.",
  ENOTDIR: "A part of the path is a file: choose another directory with --state.",
  EEXIST: "A part of the path is a file: choose another directory with --state.",
  EISDIR: "A directory has the name of a file: move it away, or choose another directory with --state.",
  ENAMETOOLONG: "Choose a shorter path with --state.",
  ELOOP: "The path has too many symbolic links: choose another directory with --state.",
  EMFILE: "Raise the limit of open files, for example with `ulimit -n`, and start again.",
  ENFILE: "Raise the machine's limit of open files, or end the program that holds them, and start again.",
  EIO: "Check the disk: it reports an error of input or output.",
};

/** The error of a failure to read or write `file`: state.full if no space is left, otherwise state.unwritable. */
export function stateError(error: unknown, file: string): FairleadError {
  if (error instanceof FairleadError) return error;
  const code = errnoOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === "EDQUOT") {
    return new FairleadError("state.full", `Cannot write ${file}: the disk quota is used up (${code}).`, {
      cause: error,
      action: "Free space within the disk quota of this user, or raise the quota, and start again.",
    });
  }
  if (code === "ENOSPC") {
    return new FairleadError("state.full", `Cannot write ${file}: the disk is full (${code}).`, {
      cause: error,
    });
  }
  const action = code === undefined ? undefined : ACTIONS[code];
  return new FairleadError("state.unwritable", `Cannot use ${file}: ${text}.`, { cause: error, action });
}

/** The program that a state directory belongs to. */
export type Role = "edge" | "connector" | "deployment";

/** What to do about a damaged file, by the program that it belongs to. */
const RECOVERY: Readonly<Record<Role, string | undefined>> = {
  // The action of the code.
  connector: undefined,
  edge: "Restore it from a copy of the state directory, or run `fairlead edge restore` with a backup and an empty state directory.",
  deployment:
    "Restore it from a copy of the state directory, or run `fairlead edge restore --keys-only` with a backup and an empty state directory.",
};

/** What to do about a file of a newer program. */
const NEWER =
  "Run the version of Fairlead that wrote it, or a later version, or restore a backup of this version.";

/** The error of state that is damaged, or missing where it must exist. */
export function corruptState(
  message: string,
  role: Role,
  { action, cause }: { readonly action?: string; readonly cause?: unknown } = {},
): FairleadError {
  return new FairleadError("state.corrupt", message, { cause, action: action ?? RECOVERY[role] });
}

/**
 * The error of state that a newer program wrote.
 * @param writer the version of that program; undefined where it is not known
 */
export function newerState(what: string, writer?: string): FairleadError {
  const version = writer === undefined ? "a newer version of Fairlead" : `Fairlead ${writer}`;
  const action =
    writer === undefined ? NEWER : `Run Fairlead ${writer} or later, or restore an older backup.`;
  return new FairleadError("state.corrupt", `${what} was written by ${version}.`, { action });
}

/** The code of an error of the operating system, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
