/** The site's key: created once, stored in the state directory, never sent. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { StateReader, StateStore } from "../state/store.ts";

export const KEY_FILE = "key.pem";

/** What to do about a key that is missing or damaged: a site is identified by it. */
export const KEY_ACTION =
  "Restore key.pem from a backup of the state directory. Without one, move the directory away and join again with a new token under another name, or after `fairlead site delete`.";

export interface SiteKey {
  readonly key: KeyObject;
  /** PKCS #8, PEM. */
  readonly pem: string;
}

/** Loads the site's P-256 key; null if there is none. @throws FairleadError `state.corrupt`, `state.unwritable` */
export async function loadKey(state: StateReader): Promise<SiteKey | null> {
  const stored = await state.read(KEY_FILE);
  return stored === null ? null : parseKey(state, stored.toString("utf8"));
}

function parseKey(state: StateReader, pem: string): SiteKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    const why = pem.trim() === "" ? "is empty" : "is not a private key";
    throw state.corrupt(KEY_FILE, why, { cause, action: KEY_ACTION });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw state.corrupt(KEY_FILE, "does not hold a P-256 key", { action: KEY_ACTION });
  }
  return { key, pem };
}

/**
 * Creates and stores a P-256 key. The key is stored before any token is redeemed: a repeated redemption with the
 * same key gets the same answer, so a crash in between consumes no further use. Where connectors of the site share their
 * state, the key of the first one is that of all.
 * @throws FairleadError `state.*` when it cannot be stored
 */
export async function makeKey(state: StateStore): Promise<SiteKey> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return parseKey(state, await state.establish(KEY_FILE, pem));
}
