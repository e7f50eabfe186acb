/**
 * The state of a sign-in between a browser's way to the provider and its return. The provider carries it back in
 * `state`, signed, and the browser keeps a secret in a cookie, from which the nonce and the PKCE verifier of each
 * sign-in follow. The edge keeps nothing.
 */
import * as z from "zod";
import { encodeBase64Url } from "../../protocol/encoding.ts";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { TicketFormat } from "../authority/ticket-format.ts";

/** How long a person has to sign in, s. */
export const SIGN_IN_SECONDS = 10 * 60;
const SECRET_BYTES = 32;
/** Base64url of {@link SECRET_BYTES}. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** The part of a state that every sign-in has. */
const SignInState = z.object({
  /** SHA-256 of the browser's secret, base64url. */
  browser: z.string(),
  /** Differs in each sign-in, base64url. */
  id: z.string(),
  /** Where the browser goes afterwards: a path. */
  path: z.string(),
  /** ms since 1970 */
  expires: z.number().int(),
});
type SignInState = z.infer<typeof SignInState>;

/** What a sign-in is for: a hostname of a network, or an origin. */
type Place = Readonly<Record<string, string>>;

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

/** A sign-in that came back. */
export interface ReturnedSignIn {
  readonly path: string;
  /** Null when another browser began the sign-in, or this one has lost its cookie. */
  readonly values: SignInValues | null;
}

export interface SignInFormatOptions<P extends Place> {
  readonly place: z.ZodType<P>;
  /** What the states are signed for: those of one format pass for no other's. */
  readonly purpose: string;
  /** The code of a sign-in that did not succeed. */
  readonly failed: ErrorCode;
}

/** The states of the sign-ins at places of one kind. */
export class SignInFormat<P extends Place> {
  readonly #format: TicketFormat<P & SignInState>;
  readonly #failed: ErrorCode;

  constructor({ place, purpose, failed }: SignInFormatOptions<P>) {
    const schema = z.intersection(place, SignInState);
    this.#format = new TicketFormat({ schema, purpose, prefix: "signin." });
    this.#failed = failed;
  }

  /** Begins a sign-in of the browser with a secret. */
  async begin(
    place: P,
    { secret, path }: { secret: string; path: string },
    { deploymentCaKey, now }: Signing,
  ): Promise<SignInValues & { readonly state: string }> {
    const id = encodeBase64Url(crypto.getRandomValues(new Uint8Array(16)));
    const browser = await digest("browser", secret);
    const expires = now + SIGN_IN_SECONDS * 1000;
    const state = await this.#format.issue({ ...place, browser, id, path, expires }, deploymentCaKey);
    return { state, ...(await valuesOf(secret, id)) };
  }

  /**
   * Reads the state that came back.
   * @param secret that of the browser's cookie; null without one
   * @throws FairleadError when this edge did not sign it for this place, or it is too old
   */
  async read(text: string, place: P, secret: string | null, signing: Signing): Promise<ReturnedSignIn> {
    let state: P & SignInState;
    try {
      state = await this.#format.verify(text, signing);
    } catch (cause) {
      throw new FairleadError(this.#failed, undefined, { cause });
    }
    const isHere = Object.entries(place).every(([name, value]) => state[name] === value);
    if (!isHere) throw new FairleadError(this.#failed);
    const isOwn = secret !== null && (await digest("browser", secret)) === state.browser;
    return { path: state.path, values: isOwn ? await valuesOf(secret, state.id) : null };
  }
}

async function valuesOf(secret: string, id: string): Promise<SignInValues> {
  return { nonce: await digest("nonce", secret, id), verifier: await digest("verifier", secret, id) };
}

/** SHA-256, base64url: 43 characters, as many as a PKCE verifier needs. */
async function digest(...parts: readonly string[]): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join(" ")));
  return encodeBase64Url(new Uint8Array(bytes));
}
