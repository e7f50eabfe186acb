/** The credentials of a request to a door: a key, or a token of the identity provider. */

/** Prefix of a door key's text. */
export const DOOR_KEY_PREFIX = "fld_";
/** Request header with a key, for clients whose `Authorization` is the target's. */
export const DOOR_KEY_HEADER = "x-fairlead-key";
/** Cookie with a key, for browsers. */
export const DOOR_COOKIE = "fairlead_door";

/** The credentials that a request carries. */
export interface DoorCredentials {
  /** The text of a door key; null without any. */
  readonly key: string | null;
  /** Whether {@link key} is in `Authorization`. */
  readonly keyInAuthorization: boolean;
  /** A bearer token that is no door key; null without any. */
  readonly token: string | null;
}

/** The credentials in a request's headers. The header for keys comes before `Authorization`, and the cookie last. */
export function credentialsOf(headers: Headers): DoorCredentials {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
  const isKey = bearer?.startsWith(DOOR_KEY_PREFIX) === true;
  const token = isKey ? null : bearer;
  const inHeader = headers.get(DOOR_KEY_HEADER);
  if (inHeader !== null) return { key: inHeader.trim(), keyInAuthorization: isKey, token };
  if (isKey) return { key: bearer, keyInAuthorization: true, token };
  return { key: cookieOf(headers.get("cookie") ?? ""), keyInAuthorization: false, token };
}

function cookieOf(cookies: string): string | null {
  for (const each of cookies.split(";")) {
    const [name, value] = each.trim().split("=", 2);
    if (name === DOOR_COOKIE && value) return value;
  }
  return null;
}
