/** Files that commands write secrets to: for their owner only, and opened before the secret is made. */
import { type FileHandle, open, rm } from "node:fs/promises";
import { FairleadError } from "../../protocol/errors.ts";

export interface SecretFile {
  /** Replaces whatever the file held. */
  write(text: string): Promise<void>;
  /** Removes what was opened, unless it was there before with something in it. */
  discard(): Promise<void>;
}

/**
 * Opens a file that only its owner may read: a secret that cannot be kept should not be made.
 * @throws FairleadError `request.invalid`
 */
export async function openSecretFile(path: string): Promise<SecretFile> {
  let file: FileHandle;
  let empty: boolean;
  try {
    // "a" leaves what is there until there is something to replace it with.
    file = await open(path, "a", 0o600);
    const { size } = await file.stat();
    empty = size === 0;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `--output: ${why}`, { cause: thrown });
  }
  return {
    async write(text) {
      const isFile = (await file.stat()).isFile();
      if (isFile) {
        await file.chmod(0o600);
        await file.truncate(0);
      }
      await file.writeFile(text);
      await file.close();
    },
    async discard() {
      const isFile = (await file.stat()).isFile();
      await file.close();
      if (isFile && empty) await rm(path, { force: true });
    },
  };
}

/** Opens the file, makes the secret and writes it; leaves no empty file behind when that fails. */
export async function intoSecretFile<T>(
  path: string,
  make: () => Promise<{ readonly text: string; readonly made: T }>,
): Promise<T> {
  const file = await openSecretFile(path);
  try {
    const { text, made } = await make();
    await file.write(text);
    return made;
  } catch (thrown) {
    await file.discard().catch(() => {});
    throw thrown;
  }
}
