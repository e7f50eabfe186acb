/** The file of a backup: for its owner only, and always either the old one or the new one. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { FairleadError } from "../../protocol/errors.ts";
import { type Backup, checkVersion, decodeBackup, encodeBackup } from "./format.ts";
import { isSealed, openBackup, sealBackup } from "./sealing.ts";

const invalid = (name: string, thrown: unknown) =>
  new FairleadError(
    "request.invalid",
    `${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    {
      cause: thrown,
    },
  );

/**
 * Makes a backup and writes it; the place is tried before anything is made.
 * @returns how many bytes the file has
 * @throws FairleadError `request.invalid` when the file cannot be written; what `make` throws
 */
export async function writeBackup(
  path: string,
  passphrase: string | undefined,
  make: () => Promise<Backup>,
): Promise<number> {
  const draft = `${path}.${randomUUID()}.tmp`;
  let file: FileHandle;
  try {
    file = await open(draft, "wx", 0o600);
  } catch (thrown) {
    throw invalid("--output", thrown);
  }
  try {
    const plain = encodeBackup(await make());
    const bytes = passphrase === undefined ? plain : sealBackup(plain, passphrase);
    try {
      await file.writeFile(bytes);
      await file.sync();
      await file.close();
      await rename(draft, path);
    } catch (thrown) {
      throw invalid("--output", thrown);
    }
    return bytes.length;
  } catch (thrown) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    throw thrown;
  }
}

/**
 * Reads a backup.
 * @throws FairleadError `request.invalid` when there is no such file or a passphrase is needed, `backup.malformed`,
 *   `backup.version`
 */
export async function readBackup(path: string, passphrase: string | undefined): Promise<Backup> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw invalid("FILE", thrown);
  });
  checkVersion(bytes);
  if (!isSealed(bytes)) return decodeBackup(bytes);
  if (passphrase === undefined) {
    throw new FairleadError(
      "request.invalid",
      "the backup is sealed: name its passphrase with --passphrase-file",
    );
  }
  return decodeBackup(openBackup(bytes, passphrase));
}

/** The passphrase in a file: its first line. @throws FairleadError `request.invalid` */
export async function readPassphrase(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw invalid("--passphrase-file", thrown);
  });
  const [passphrase = ""] = text.split(/\r?\n/);
  if (passphrase.length >= 8) return passphrase;
  throw new FairleadError("request.invalid", "--passphrase-file: a passphrase has at least 8 characters");
}
