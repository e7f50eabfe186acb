/**
 * A file that replaces another one once it is complete. It is written beside its target under a random name, then
 * renamed. Neither step follows a symbolic link, and a process that has the old file open cannot read the new one.
 */
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./errors.ts";

export class DraftFile {
  readonly #target: string;
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(target: string, path: string, file: FileHandle) {
    this.#target = target;
    this.#path = path;
    this.#file = file;
  }

  /**
   * Creates the draft, which proves that the target's directory is writable.
   * @param mode permission bits, regardless of the umask and of an existing file
   * @throws the error of the file system.
   */
  static async open(target: string, mode = 0o600): Promise<DraftFile> {
    const { randomBytes } = await import("node:crypto");
    const path = `${target}.${randomBytes(6).toString("hex")}.tmp`;
    const file = await open(path, "wx", mode);
    const draft = new DraftFile(target, path, file);
    try {
      await file.chmod(mode);
      return draft;
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }

  /**
   * Writes the content and replaces the target. The content is on the disk when the promise resolves.
   * @throws the error of the file system.
   */
  async commit(data: string | Uint8Array): Promise<void> {
    await this.#file.writeFile(data);
    await this.#file.sync();
    await this.#file.close();
    await rename(this.#path, this.#target);
    // A directory that is writable but not readable cannot be synced. The rename has happened.
    await syncDirectory(dirname(this.#target)).catch((error: unknown) => {
      if (errnoOf(error) !== "EACCES") throw error;
    });
  }

  /** Removes the draft and leaves the target alone. Never throws. Does nothing after a commit. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }
}

/**
 * The reason why a path that a user gave for a secret is not written to; null if nothing or a regular file is there.
 * A link, a pipe or a device would pass the secret on.
 * @throws the error of the file system.
 */
export async function troubleWith(path: string): Promise<string | null> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return `${path} is a symbolic link. Give the path of the file itself.`;
    return found.isFile() ? null : `${path} is not a regular file.`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** Syncs a directory, which makes a rename in it durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
