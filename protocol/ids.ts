/**
 * Ids (docs/protocol.md, "Ids and names"). An id is one letter for its kind, then 26 characters of Crockford
 * base32 with 128 random bits. An id is stable, never reused and has no meaning. People use names.
 */
import * as z from "zod";
import { encodeBase32 } from "./encoding.ts";

/** The first letter of an id, by kind. */
export const ID_LETTER = {
  network: "n",
  site: "s",
  token: "t",
  link: "l",
  session: "x",
  boot: "b",
  key: "k",
  door: "d",
} as const;

/** The kind of an id. */
export type IdKind = keyof typeof ID_LETTER;

/** Random bytes in an id. */
export const ID_BYTES = 16;

/**
 * Makes an id from the caller's random bytes.
 *
 * @param random {@link ID_BYTES} bytes
 * @throws RangeError when `random` has another length
 */
export function makeId(kind: IdKind, random: Uint8Array): string {
  if (random.length !== ID_BYTES) throw new RangeError(`an id needs ${ID_BYTES} random bytes`);
  return ID_LETTER[kind] + encodeBase32(random);
}

const idSchema = (kind: IdKind) =>
  z.string().regex(new RegExp(`^${ID_LETTER[kind]}[0-9a-hjkmnp-tv-z]{26}$`), `not a ${kind} id`);

/** The id of a network. */
export const NetworkId = idSchema("network");
/** The id of a site. */
export const SiteId = idSchema("site");
/** The id of a token. */
export const TokenId = idSchema("token");
/** The id of a link. */
export const LinkId = idSchema("link");
/** The id of a session. */
export const SessionId = idSchema("session");
/** The boot id: identifies one start of a connector process, and the instance within its site. */
export const BootId = idSchema("boot");
/** The id of an API key. */
export const KeyId = idSchema("key");
/** The id of a door: identifies one start of the object that serves a hostname. */
export const DoorId = idSchema("door");
