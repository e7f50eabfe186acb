/**
 * A file that takes another's place only once it is whole: written beside it under a name that nobody can have guessed,
 * then renamed. Neither step follows a symbolic link, and whoever may read the old file reads nothing of the new one.
 */
import { randomBytes } from "node:crypto";
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
   * Makes the draft, which proves that the target's directory can be written to.
   * @param mode permission bits, whatever the umask and the file that was there have
   * @throws what the file system says
   */
  static async open(target: string, mode = 0o600): Promise<DraftFile> {
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

  /** Writes everything and puts it in the target's place; when this resolves, it is on the disk. @throws what the file system says */
  async commit(data: string | Uint8Array): Promise<void> {
    await this.#file.writeFile(data);
    await this.#file.sync();
    await this.#file.close();
    await rename(this.#path, this.#target);
    // One that may be written to but not read: the file is there all the same.
    await syncDirectory(dirname(this.#target)).catch((error: unknown) => {
      if (errnoOf(error) !== "EACCES") throw error;
    });
  }

  /** Removes the draft; the target stays as it was. Never throws, and does nothing after a commit. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }
}

/**
 * What is wrong with a place that a person named for a secret; null when nothing is there, or a regular file, which is
 * replaced. A link, a pipe or a device would hand the secret to somebody else.
 */
export async function troubleWith(path: string): Promise<string | null> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return `${path} is a symbolic link: name the file itself`;
    return found.isFile() ? null : `${path} is not a regular file`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    return error instanceof Error ? error.message : String(error);
  }
}

/** A rename is durable only once the directory is. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
