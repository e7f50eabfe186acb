/**
 * The seal of a backup: AES-256-GCM with a key that scrypt derives from a passphrase. The first line has the
 * parameters, and is authenticated as well; the sealed bytes and a tag of 16 bytes follow.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { BACKUP_VERSION, firstLine, malformed, parseJson } from "./backup.ts";

/** A guess takes 128 MiB and about half a second. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** Most memory that OpenSSL may use for scrypt, bytes: somewhat more than 128 * N * r. */
const MAX_MEMORY = 160 * 1024 * 1024;

const Sealed = z.object({
  fairlead: z.literal("backup"),
  version: z.number().int(),
  sealed: z.object({
    kdf: z.literal("scrypt"),
    // Other parameters are refused: a file must not be able to demand all memory.
    N: z.literal(SCRYPT.N),
    r: z.literal(SCRYPT.r),
    p: z.literal(SCRYPT.p),
    salt: z.base64(),
    cipher: z.literal("aes-256-gcm"),
    iv: z.base64(),
  }),
});

const keyOf = (passphrase: string, salt: Buffer) =>
  scryptSync(passphrase.normalize("NFKC"), salt, KEY_BYTES, { ...SCRYPT, maxmem: MAX_MEMORY });

/** Seals the bytes of a backup. */
export function sealBackup(bytes: Buffer, passphrase: string): Buffer<ArrayBuffer> {
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const header: z.infer<typeof Sealed> = {
    fairlead: "backup",
    version: BACKUP_VERSION,
    sealed: {
      kdf: "scrypt",
      ...SCRYPT,
      salt: salt.toString("base64"),
      cipher: "aes-256-gcm",
      iv: iv.toString("base64"),
    },
  };
  const first = Buffer.from(JSON.stringify(header));
  const cipher = createCipheriv("aes-256-gcm", keyOf(passphrase, salt), iv);
  cipher.setAAD(first);
  return Buffer.concat([first, Buffer.from("\n"), cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** Whether a file is sealed. */
export function isSealed(bytes: Buffer): boolean {
  return z.object({ sealed: z.unknown() }).safeParse(parseJson(firstLine(bytes))).data?.sealed !== undefined;
}

/**
 * Opens a sealed backup.
 * @throws FairleadError backup.malformed when the passphrase is wrong or the file was altered
 */
export function openBackup(bytes: Buffer, passphrase: string): Buffer {
  const first = firstLine(bytes);
  const header = Sealed.safeParse(parseJson(first));
  if (!header.success) throw malformed("its seal is malformed");
  const { salt, iv } = header.data.sealed;
  const body = bytes.subarray(first.length + 1);
  if (body.length < TAG_BYTES) throw malformed("its end is missing");
  try {
    const key = keyOf(passphrase, Buffer.from(salt, "base64"));
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(first);
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new FairleadError(
      "backup.malformed",
      "The backup cannot be opened: the passphrase is wrong, or the file was altered.",
      {
        cause,
        action:
          "Give the file of the right passphrase with --passphrase-file, or use an unaltered copy of the backup.",
      },
    );
  }
}
