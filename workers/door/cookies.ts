/**
 * The door's own cookies. Browsers take a `__Host-` cookie over HTTPS alone, send it to this hostname alone, and let no
 * other hostname set it.
 */

/** Cookie with a key, which a page of the operator sets. */
export const KEY_COOKIE = "fairlead_door";
/** Cookie with a signed session of a browser. */
export const SESSION_COOKIE = "__Host-fairlead-session";
/** Cookie with the secret of a browser that signs in at the provider. */
export const SIGN_IN_COOKIE = "__Host-fairlead-signin";

const OWN_COOKIES: ReadonlySet<string> = new Set([KEY_COOKIE, SESSION_COOKIE, SIGN_IN_COOKIE]);

/** The value of a cookie in the header `Cookie`; null without one. */
export function cookieIn(headers: Headers, name: string): string | null {
  for (const each of pairsOf(headers.get("cookie") ?? "")) {
    const value = each.slice(each.indexOf("=") + 1).trim();
    if (nameOf(each) === name && value !== "") return value;
  }
  return null;
}

/** The value of a header `Cookie` without the door's own cookies. */
export function withoutOwnCookies(cookies: string): string {
  return pairsOf(cookies)
    .filter((each) => !OWN_COOKIES.has(nameOf(each)))
    .join("; ");
}

/**
 * A header `Set-Cookie` for one of the `__Host-` cookies.
 * @param value without characters that end a cookie
 * @param seconds how long the browser keeps it; 0 deletes it
 */
export function setCookie(name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`;
}

const pairsOf = (cookies: string): string[] =>
  cookies
    .split(";")
    .map((each) => each.trim())
    .filter((each) => each !== "");

/** The name of a pair. One without "=" is a value without a name (RFC 6265bis §5.4). */
const nameOf = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf("="))).trimEnd();
