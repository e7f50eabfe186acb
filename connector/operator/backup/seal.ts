/**
 * A backup under a passphrase: scrypt makes the key, AES-256-GCM seals the file. The first line tells the parameters and
 * is authenticated with the rest; what follows are the sealed bytes and the 16 bytes of the tag.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { BACKUP_VERSION, firstLine, malformed, parseJson } from "./backup.ts";

/** 128 MiB and about half a second for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** What OpenSSL may take for scrypt: 128 * N * r, and some. */
const MAX_MEMORY = 160 * 1024 * 1024;

const Sealed = z.object({
  fairlead: z.literal("backup"),
  version: z.number().int(),
  sealed: z.object({
    kdf: z.literal("scrypt"),
    // Nobody else's parameters are computed: a file must not be able to ask for all the memory there is.
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

/** The backup's bytes, sealed. */
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

/** Whether the file needs a passphrase. */
export function isSealed(bytes: Buffer): boolean {
  return z.object({ sealed: z.unknown() }).safeParse(parseJson(firstLine(bytes))).data?.sealed !== undefined;
}

/** @throws FairleadError `backup.malformed` when the passphrase is wrong or a bit was changed: it cannot be told which */
export function openBackup(bytes: Buffer, passphrase: string): Buffer {
  const first = firstLine(bytes);
  const header = Sealed.safeParse(parseJson(first));
  if (!header.success) throw malformed("it does not say how it is sealed");
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
      { cause },
    );
  }
}
