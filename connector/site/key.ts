/** The site's key: made once, kept in the state directory, never sent anywhere. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import type { StateDirectory } from "../state/directory.ts";

const KEY_FILE = "key.pem";

export interface SiteKey {
  readonly key: KeyObject;
  /** PKCS #8, PEM. */
  readonly pem: string;
}

/**
 * The site's P-256 key, made and stored when there is none. It is stored before any token is redeemed: who
 * repeats a redemption with the same key gets the same answer, so a crash in between costs no use.
 * @throws FairleadError `state.corrupt` when the file holds something else; `state.*` when it cannot be kept.
 */
export async function loadOrMakeKey(state: StateDirectory): Promise<SiteKey> {
  const stored = await state.read(KEY_FILE);
  if (stored !== null) return readKey(stored.toString("utf8"));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await state.writeAtomic(KEY_FILE, pem);
  return { key: privateKey, pem };
}

function readKey(pem: string): SiteKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new FairleadError("state.corrupt", `${KEY_FILE} is not a private key`, { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new FairleadError("state.corrupt", `${KEY_FILE} does not hold a key on P-256`);
  }
  return { key, pem };
}
