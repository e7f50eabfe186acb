/**
 * The session of a browser at a door: what it proved when it signed in, signed, in a cookie. It is good for one hostname
 * of one network. Its text is `session.base64url(JSON).base64url(HMAC-SHA-256)`.
 */
import * as z from "zod";
import { Hostname } from "../../protocol/hostnames.ts";
import { NetworkId } from "../../protocol/ids.ts";
import { TicketFormat } from "../authority/ticket-format.ts";
import { SESSION_COOKIE, setCookie } from "./cookies.ts";

/** How long a session lasts, s: a working day. */
export const SESSION_SECONDS = 8 * 60 * 60;

const BrowserSession = z.object({
  network: NetworkId,
  hostname: Hostname,
  proof: z.discriminatedUnion("kind", [
    /** SHA-256 of a door key, lower-case hex: the key is looked up for each request. */
    z.object({ kind: z.literal("key"), hash: z.string() }),
    /** A person whom this issuer named. */
    z.object({ kind: z.literal("oidc"), issuer: z.string(), name: z.string() }),
  ]),
  /** ms since 1970 */
  expires: z.number().int(),
});
export type BrowserSession = z.infer<typeof BrowserSession>;

const FORMAT = new TicketFormat({
  schema: BrowserSession,
  purpose: "door session 1",
  prefix: "session.",
});

/** The header `Set-Cookie` that begins a session. @param now ms since 1970 */
export async function beginSession(
  session: Omit<BrowserSession, "expires">,
  { deploymentCaKey, now }: { deploymentCaKey: string; now: number },
): Promise<string> {
  const expires = now + SESSION_SECONDS * 1000;
  return setCookie(
    SESSION_COOKIE,
    await FORMAT.issue({ ...session, expires }, deploymentCaKey),
    SESSION_SECONDS,
  );
}

/** The session that a cookie's value proves for a hostname of a network; null when it proves none. */
export async function readSession(
  text: string,
  { network, hostname }: { network: string; hostname: string },
  options: { deploymentCaKey: string; now: number },
): Promise<BrowserSession | null> {
  // A wrong, old or forged session counts as none: the browser signs in again.
  const session = await FORMAT.verify(text, options).catch(() => null);
  return session?.network === network && session.hostname === hostname ? session : null;
}
