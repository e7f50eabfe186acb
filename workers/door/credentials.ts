/** The credentials of a request to a door: a key, a token of the identity provider, or the session of a browser. */
import { cookieIn, KEY_COOKIE, SESSION_COOKIE } from "./cookies.ts";

/** Prefix of a door key's text. */
export const DOOR_KEY_PREFIX = "fld_";
/** Request header with a key, for clients whose `Authorization` is the target's. */
export const DOOR_KEY_HEADER = "x-fairlead-key";

/** The credentials that a request carries. */
export interface DoorCredentials {
  /** The text of a door key; null without any. */
  readonly key: string | null;
  /** Whether {@link key} is in `Authorization`. */
  readonly keyInAuthorization: boolean;
  /** A bearer token that is no door key; null without any. */
  readonly token: string | null;
  /** The text of a browser's session; null without one. */
  readonly session: string | null;
}

/** The credentials in a request's headers. The header for keys comes before `Authorization`, and the cookie last. */
export function credentialsOf(headers: Headers): DoorCredentials {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
  const keyInAuthorization = bearer?.startsWith(DOOR_KEY_PREFIX) === true;
  const inAuthorization = keyInAuthorization ? bearer : null;
  return {
    key: headers.get(DOOR_KEY_HEADER)?.trim() ?? inAuthorization ?? cookieIn(headers, KEY_COOKIE),
    keyInAuthorization,
    token: keyInAuthorization ? null : bearer,
    session: cookieIn(headers, SESSION_COOKIE),
  };
}
