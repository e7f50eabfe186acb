/**
 * The cookie of a session. At the API's host it is a `__Host-` cookie, which browsers take over HTTPS alone. On loopback
 * some browsers keep no `Secure` cookie over plain HTTP, and ports share cookies: the name there has the port.
 */
import { CONSOLE_COOKIE } from "../../protocol/api/console.ts";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import type { Listener } from "./serve-console.ts";

const ID_BYTES = 32;
/** Base64url of {@link ID_BYTES}. */
const ID = /^[A-Za-z0-9_-]{43}$/;

/** A secret of 256 bits, base64url: the id of a session, or the secret of a link. */
export const newSecret = (): string => encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));

/** Whether a text has the form of {@link newSecret}. */
export const isSecret = (text: string): boolean => ID.test(text);

const nameAt = (listener: Listener, { port }: URL): string =>
  listener === "public" ? CONSOLE_COOKIE : `fairlead-console-${port || "80"}`;

/** The session's id in a request; null without one. */
export function sessionIn(request: Request, listener: Listener): string | null {
  const name = nameAt(listener, new URL(request.url));
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const at = pair.indexOf("=");
    const value = pair.slice(at + 1).trim();
    if (at > 0 && pair.slice(0, at).trim() === name && ID.test(value)) return value;
  }
  return null;
}

/** The header `Set-Cookie` for a session. @param seconds how long the browser keeps it; 0 deletes it */
export function sessionCookie(request: Request, listener: Listener, id: string, seconds: number): string {
  const secure = listener === "public" ? "; Secure" : "";
  const name = nameAt(listener, new URL(request.url));
  return `${name}=${id}; Path=/; Max-Age=${seconds}${secure}; HttpOnly; SameSite=Lax`;
}
