/** The site's key: created once, stored in the state directory, never sent. */
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
 * Loads the site's P-256 key, or creates and stores one. The key is stored before any token is redeemed: a
 * repeated redemption with the same key gets the same answer, so a crash in between consumes no further use.
 * @throws FairleadError `state.corrupt` when the file holds no such key; `state.*` when it cannot be stored
 */
export async function loadOrMakeKey(state: StateDirectory): Promise<SiteKey> {
  const stored = await state.read(KEY_FILE);
  if (stored !== null) return readKey(stored.toString("utf8"));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await state.writeAtomic(KEY_FILE, pem);
  return { key: privateKey, pem };
}

const KEY_ACTION =
  "Restore key.pem from a backup of the state directory. Without one, move the directory away and join again with a new token under another name, or after `fairlead site delete`.";

function readKey(pem: string): SiteKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new FairleadError(
      "state.corrupt",
      `${KEY_FILE} ${pem.trim() === "" ? "is empty" : "is not a private key"}.`,
      {
        cause,
        action: KEY_ACTION,
      },
    );
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new FairleadError("state.corrupt", `${KEY_FILE} does not hold a P-256 key.`, {
      action: KEY_ACTION,
    });
  }
  return { key, pem };
}
