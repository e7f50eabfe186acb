/**
 * The state of a sign-in between a browser's way to the provider and its return. The provider carries it back in
 * `state`, signed, and the browser keeps a secret in a cookie, from which the nonce and the PKCE verifier of each
 * sign-in follow. The edge keeps nothing.
 */
import { z } from "zod";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Hostname } from "../../protocol/hostnames.ts";
import { NetworkId } from "../../protocol/ids.ts";
import { TicketFormat } from "../authority/ticket-format.ts";

/** How long a person has to sign in, s. */
export const SIGN_IN_SECONDS = 10 * 60;
const SECRET_BYTES = 32;
/** Base64url of {@link SECRET_BYTES}. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

const SignInState = z.object({
  network: NetworkId,
  hostname: Hostname,
  /** SHA-256 of the browser's secret, base64url. */
  browser: z.string(),
  /** Differs in each sign-in, base64url. */
  id: z.string(),
  /** Where the browser goes afterwards: a path of the hostname. */
  path: z.string(),
  /** ms since 1970 */
  expires: z.number().int(),
});
type SignInState = z.infer<typeof SignInState>;

const FORMAT = new TicketFormat({ schema: SignInState, purpose: "door sign-in 1", prefix: "signin." });

interface Door {
  readonly network: string;
  readonly hostname: string;
}

interface Signing {
  readonly deploymentCaKey: string;
  /** ms since 1970 */
  readonly now: number;
}

/** The values of a sign-in that the provider gets. */
export interface SignInValues {
  readonly nonce: string;
  readonly verifier: string;
}

/** A browser's secret: the given one where it has the right form, else a new one. */
export function browserSecret(present: string | null): string {
  if (present !== null && SECRET.test(present)) return present;
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

/** Begins a sign-in of the browser with a secret. */
export async function beginSignIn(
  { network, hostname }: Door,
  { secret, path }: { secret: string; path: string },
  { deploymentCaKey, now }: Signing,
): Promise<SignInValues & { readonly state: string }> {
  const id = encodeBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const browser = await digest("browser", secret);
  const expires = now + SIGN_IN_SECONDS * 1000;
  const state = await FORMAT.issue({ network, hostname, browser, id, path, expires }, deploymentCaKey);
  return { state, ...(await valuesOf(secret, id)) };
}

/** A sign-in that came back. */
export interface ReturnedSignIn {
  readonly path: string;
  /** Null when another browser began the sign-in, or this one has lost its cookie. */
  readonly values: SignInValues | null;
}

/**
 * Reads the state that came back.
 * @param secret that of the browser's cookie; null without one
 * @throws FairleadError door.sign_in_failed when this edge did not sign it for this hostname, or it is too old
 */
export async function readSignIn(
  text: string,
  { network, hostname }: Door,
  secret: string | null,
  signing: Signing,
): Promise<ReturnedSignIn> {
  let state: SignInState;
  try {
    state = await FORMAT.verify(text, signing);
  } catch (cause) {
    throw new FairleadError("door.sign_in_failed", undefined, { cause });
  }
  if (state.network !== network || state.hostname !== hostname)
    throw new FairleadError("door.sign_in_failed");
  const isOwn = secret !== null && (await digest("browser", secret)) === state.browser;
  return { path: state.path, values: isOwn ? await valuesOf(secret, state.id) : null };
}

async function valuesOf(secret: string, id: string): Promise<SignInValues> {
  return { nonce: await digest("nonce", secret, id), verifier: await digest("verifier", secret, id) };
}

/** SHA-256, base64url: 43 characters, as many as a PKCE verifier needs. */
async function digest(...parts: readonly string[]): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join(" ")));
  return encodeBase64Url(new Uint8Array(bytes));
}
