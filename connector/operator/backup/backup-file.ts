/** The file of a backup, and the file of its passphrase. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { type Backup, checkVersion, decodeBackup, encodeBackup } from "./backup.ts";
import { isSealed, openBackup, sealBackup } from "./seal.ts";

const invalid = (name: string, thrown: unknown) =>
  new FairleadError(
    "request.invalid",
    `${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}.`,
    {
      cause: thrown,
    },
  );

/** The bytes of a backup's file, sealed when a passphrase is given. */
export function backupBytes(backup: Backup, passphrase: string | undefined): Buffer {
  const plain = encodeBackup(backup);
  return passphrase === undefined ? plain : sealBackup(plain, passphrase);
}

/**
 * Reads a backup from its file.
 * @throws FairleadError request.invalid when the file cannot be read or a passphrase is missing,
 *   backup.malformed, backup.version
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
      "The backup is sealed. Give its passphrase with --passphrase-file.",
    );
  }
  return decodeBackup(openBackup(bytes, passphrase));
}

/**
 * Parses a passphrase: the first line of a file.
 * @param name the option that names the file
 * @throws FairleadError request.invalid
 */
export function parsePassphrase(text: string, name: string): string {
  const [passphrase = ""] = text.split(/\r?\n/);
  if (passphrase.length >= 8) return passphrase;
  throw new FairleadError("request.invalid", `${name}: a passphrase has at least 8 characters.`);
}
