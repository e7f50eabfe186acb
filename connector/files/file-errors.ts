/** Maps errors of the file system to errors of a file that a user named: what happened, and what to do. */
import { FairleadError } from "../../protocol/errors.ts";
import { errnoOf } from "../state/errors.ts";

/** A file that a user named. */
export interface NamedFile {
  /** What the file is, or the option that named it with a colon: the beginning of the message. */
  readonly what: string;
  readonly path: string;
  /** Where such a file comes from, in a sentence. */
  readonly source: string;
}

/** Reasons by the code of the operating system, as the end of a sentence. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "the user of this process has no permission",
  EPERM: "the system does not permit it",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of its path is not a directory",
  ELOOP: "its path has too many symbolic links",
  ENAMETOOLONG: "its name is too long",
  EROFS: "its file system is read-only",
  ENOSPC: "its disk is full",
  EDQUOT: "the disk quota of its user is used up",
  EIO: "its disk reports an error",
  EMFILE: "this process has too many open files",
  ENFILE: "the machine has too many open files",
};

/** The reason of an error of the file system, with its code: `it does not exist (ENOENT)`. */
export function reasonOf(thrown: unknown): string {
  const code = errnoOf(thrown);
  const reason = code === undefined ? undefined : REASONS[code];
  if (reason !== undefined) return `${reason} (${code})`;
  return (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, "");
}

/** What to do about a file that cannot be read, by the code of the operating system. */
const READ_ACTIONS: Readonly<Record<string, string>> = {
  ENOENT: "Give the path of a file that exists.",
  ENOTDIR: "Give the path of a file that exists.",
  EISDIR: "Give the path of the file itself, and not of its directory.",
  EACCES: "Run the command as a user who may read the file, or let this user read it with chown or chmod.",
  EPERM: "Run the command as a user who may read the file, or let this user read it with chown or chmod.",
  EMFILE: "Raise the limit of open files, for example with `ulimit -n`, and try again.",
  ENFILE: "Raise the machine's limit of open files, or end the program that holds them, and try again.",
  EIO: "Check the disk of the file, or use a copy of the file on another disk.",
};

/** The error of a file that a user named and that cannot be read. */
export function unreadable(thrown: unknown, { what, path, source }: NamedFile): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const code = errnoOf(thrown) ?? "";
  const missing = code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR";
  const action = [READ_ACTIONS[code] ?? "Check the file and its path.", ...(missing ? [source] : [])].join(
    " ",
  );
  return new FairleadError("file.unreadable", `${what} ${path} cannot be read: ${reasonOf(thrown)}.`, {
    cause: thrown,
    action,
  });
}

/** What to do about a file that cannot be written, by the code of the operating system. */
const WRITE_ACTIONS: Readonly<Record<string, string>> = {
  ENOENT: "Create the directory of the file first, or give another path.",
  ENOTDIR: "Give a path whose directories exist and are directories.",
  EISDIR: "Give the path of a file, and not of a directory.",
  EACCES: "Let the user of this process write to the directory of the file, or give another path.",
  EPERM: "Let the user of this process write to the directory of the file, or give another path.",
  EROFS: "Give a path on a file system that is not read-only.",
  ENOSPC: "Free space on the disk of the file, or give a path on another disk.",
  EDQUOT: "Free space within the disk quota of this user, or give a path on another disk.",
  ENAMETOOLONG: "Give a shorter name.",
};

/** The error of a file that a user named and that cannot be written. */
export function unwritable(thrown: unknown, { what, path }: Omit<NamedFile, "source">): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const action =
    WRITE_ACTIONS[errnoOf(thrown) ?? ""] ?? "Give another path, or correct what the message names.";
  return new FairleadError("file.unwritable", `${what} ${path} cannot be written: ${reasonOf(thrown)}.`, {
    cause: thrown,
    action,
  });
}
