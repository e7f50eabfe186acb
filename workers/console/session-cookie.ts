/**
 * The cookie of a session. At the API's host it is a `__Host-` cookie, which browsers take over HTTPS alone. On loopback
 * some browsers keep no `Secure` cookie over plain HTTP, and ports share cookies: the name there has the port.
 */
import { CONSOLE_COOKIE } from "../../protocol/api/console.ts";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import type { Listener } from "./listener.ts";

const ID_BYTES = 32;
/** Base64url of {@link ID_BYTES}. */
const ID = /^[A-Za-z0-9_-]{43}$/;

/** A secret of 256 bits, base64url: the id of a session, or the secret of a link. */
export const newSecret = (): string => encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));

/** Whether a text has the form of {@link newSecret}. */
export const isSecret = (text: string): boolean => ID.test(text);

/** What a cookie has: the id of a session, or the secret of a browser that signs in at the provider. */
type Kind = "session" | "sign-in";

function nameAt(listener: Listener, { port }: URL, kind: Kind): string {
  const suffix = kind === "session" ? "" : "-sign-in";
  return listener === "public" ? `${CONSOLE_COOKIE}${suffix}` : `fairlead-console${suffix}-${port || "80"}`;
}

/** The secret in a cookie of a request; null without one. */
export function cookieIn(request: Request, listener: Listener, kind: Kind): string | null {
  const name = nameAt(listener, new URL(request.url), kind);
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const at = pair.indexOf("=");
    const value = pair.slice(at + 1).trim();
    if (at > 0 && pair.slice(0, at).trim() === name && ID.test(value)) return value;
  }
  return null;
}

/** The session's id in a request; null without one. */
export const sessionIn = (request: Request, listener: Listener): string | null =>
  cookieIn(request, listener, "session");

function setCookie(request: Request, listener: Listener, kind: Kind, value: string, seconds: number): string {
  const secure = listener === "public" ? "; Secure" : "";
  const name = nameAt(listener, new URL(request.url), kind);
  return `${name}=${value}; Path=/; Max-Age=${seconds}${secure}; HttpOnly; SameSite=Lax`;
}

/** The header `Set-Cookie` for a session. @param seconds how long the browser keeps it; 0 deletes it */
export const sessionCookie = (request: Request, listener: Listener, id: string, seconds: number): string =>
  setCookie(request, listener, "session", id, seconds);

/** As {@link sessionCookie}, for the secret of a sign-in. */
export const signInCookie = (request: Request, listener: Listener, secret: string, seconds: number): string =>
  setCookie(request, listener, "sign-in", secret, seconds);
