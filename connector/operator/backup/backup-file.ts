/** The file of a backup, and the file of its passphrase. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { contentKindOf } from "../../files/content-kind.ts";
import { unreadable } from "../../files/file-errors.ts";
import { type Backup, checkVersion, decodeBackup, encodeBackup } from "./backup.ts";
import { isSealed, openBackup, sealBackup } from "./seal.ts";

/** Longest file that is looked at for another kind of text, bytes. */
const MOST_OF_A_TEXT = 64 * 1024;

/** The bytes of a backup's file, sealed when a passphrase is given. */
export function backupBytes(backup: Backup, passphrase: string | undefined): Buffer {
  const plain = encodeBackup(backup);
  return passphrase === undefined ? plain : sealBackup(plain, passphrase);
}

/**
 * Reads a backup from its file.
 * @throws FairleadError file.unreadable; request.invalid when a passphrase is missing; backup.malformed,
 *   backup.version
 */
export async function readBackup(path: string, passphrase: string | undefined): Promise<Backup> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw unreadable(thrown, {
      what: "The backup",
      path,
      source: "`fairlead edge backup -o FILE` writes a backup.",
    });
  });
  const other = bytes.length < MOST_OF_A_TEXT ? contentKindOf(bytes.toString("utf8")) : null;
  if (other !== null && other.kind !== "backup") {
    const action = `${other.action} \`fairlead edge backup -o FILE\` writes a backup.`;
    throw new FairleadError("backup.malformed", `${path} is ${other.is}, and not a backup.`, { action });
  }
  checkVersion(bytes);
  if (!isSealed(bytes)) return decodeBackup(bytes);
  if (passphrase === undefined) {
    throw new FairleadError("request.invalid", "The backup is sealed, and no passphrase is given.", {
      action: "Give the file with its passphrase with --passphrase-file.",
    });
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
  throw new FairleadError("request.invalid", `${name}: a passphrase has at least 8 characters.`, {
    action: "Put a passphrase of at least 8 characters into the first line of the file.",
  });
}
