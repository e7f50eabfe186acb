/**
 * The sign-in at the console with the identity provider of the edge. The page leads to {@link BEGIN_PATH}, which sends the
 * browser to the provider. A sign-in that fails ends at the console's page with the code of its error, and redirects no
 * further.
 */
import * as z from "zod";
import { CONSOLE_PATH } from "../../protocol/api/console.ts";
import { encodeHex } from "../../protocol/encoding.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { SignInProvider, SignInSettings } from "../auth/sign-in-provider.ts";
import { browserSecret, SIGN_IN_SECONDS, SignInFormat } from "../auth/sign-in-state.ts";
import type { Config } from "../config.ts";
import { publicError } from "../error-response.ts";
import { clientOf } from "../limits/client.ts";
import type { Limits } from "../limits/limits.ts";
import { SECURITY_HEADERS } from "./assets.ts";
import type { Listener } from "./listener.ts";
import { cookieIn, newSecret, sessionCookie, signInCookie } from "./session-cookie.ts";
import { openConsole } from "./stub.ts";

/** Where a browser begins a sign-in; `next` is the path of the console to which it comes back. */
export const BEGIN_PATH = "/v1/session/oidc";
/** The redirect URI. */
export const CALLBACK_PATH = `${CONSOLE_PATH}callback`;

/** Longest path that a browser comes back to, characters: it is part of a URL of the provider. */
const MAX_PATH = 500;
/** Longest code of a provider that is read, characters. */
const MAX_CODE = 4_096;

const FAILED = "console.sign_in_failed";

const FORMAT = new SignInFormat({
  place: z.object({ origin: z.string() }),
  purpose: "console sign-in 1",
  failed: FAILED,
});

export interface ConsoleSignInOptions {
  readonly config: Config;
  readonly listener: Listener;
  readonly provider: SignInProvider;
  readonly limits: Limits;
  /** ms since 1970 */
  readonly now: number;
}

/** Serves the paths of the sign-in; null for another path, or where people sign in otherwise. */
export async function serveSignIn(request: Request, options: ConsoleSignInOptions): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  // HEAD must not use a code up.
  if (options.config.console.mode !== "oidc" || request.method !== "GET") return null;
  if (pathname !== BEGIN_PATH && pathname !== CALLBACK_PATH) return null;
  try {
    return await (pathname === BEGIN_PATH ? begin : finish)(request, options);
  } catch (thrown) {
    const { code } = publicError(asFairleadError(thrown, "edge.internal"), crypto.randomUUID());
    const query = new URLSearchParams({ error: code.startsWith("door.") ? FAILED : code });
    return redirection(`${CONSOLE_PATH}sign-in?${query}`, []);
  }
}

/** @throws FairleadError console.off, edge.misconfigured, oidc.unreachable */
async function begin(request: Request, { config, listener, provider, now }: ConsoleSignInOptions) {
  const { origin, searchParams } = new URL(request.url);
  const settings = settingsOf(config);
  const secret = browserSecret(cookieIn(request, listener, "sign-in"));
  const path = ownPath(searchParams.get("next"), origin);
  const signing = { deploymentCaKey: config.deploymentCaKey, now };
  const { state, ...values } = await FORMAT.begin({ origin }, { secret, path }, signing);
  const redirectUri = `${origin}${CALLBACK_PATH}`;
  const url = await provider.authorizationUrl(settings, { ...values, redirectUri }, state);
  return redirection(url, [signInCookie(request, listener, secret, SIGN_IN_SECONDS)]);
}

/** @throws FairleadError console.*, oidc.*, request.limited */
async function finish(request: Request, options: ConsoleSignInOptions): Promise<Response> {
  const { config, listener, provider, now } = options;
  const { origin, searchParams } = new URL(request.url);
  const settings = settingsOf(config);
  const parameter = (name: string): string | null => {
    const [value, ...more] = searchParams.getAll(name);
    // RFC 6749 §3.1: parameters are not repeated.
    if (more.length > 0) throw new FairleadError(FAILED);
    return value ?? null;
  };
  const secret = cookieIn(request, listener, "sign-in");
  const signing = { deploymentCaKey: config.deploymentCaKey, now };
  const { path, values } = await FORMAT.read(parameter("state") ?? "", { origin }, secret, signing);
  const code = parameter("code");
  if (values === null || parameter("error") !== null || !code || code.length > MAX_CODE) {
    throw new FairleadError(FAILED);
  }
  const signIn = { ...values, redirectUri: `${origin}${CALLBACK_PATH}` };
  const issuer = parameter("iss");
  const { name, values: claims } = await limited(request, options, () =>
    provider.redeemCaller(settings, signIn, { code, issuer }),
  );
  const id = newSecret();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  const identity = { kind: "oidc" as const, issuer: settings.issuer, name, values: [...claims] };
  const expiresAt = await openConsole(config.objects.console).beginSession(
    encodeHex(new Uint8Array(digest)),
    identity,
  );
  const seconds = Math.floor(((expiresAt ?? now) - now) / 1000);
  return redirection(path, [
    sessionCookie(request, listener, id, seconds),
    signInCookie(request, listener, "", 0),
  ]);
}

/** @throws FairleadError console.off, edge.misconfigured */
function settingsOf({ oidc }: Config): SignInSettings {
  if (oidc instanceof FairleadError) throw oidc;
  if (oidc === null || oidc.client === null) throw new FairleadError("console.off");
  return { ...oidc, client: oidc.client };
}

/** Runs an attempt within its client's limit of failed sign-ins. @throws FairleadError request.limited */
async function limited<T>(
  request: Request,
  { limits, now }: ConsoleSignInOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  const client = clientOf(request);
  if (limits.signIns.admit(client, null, now) > 0) throw new FairleadError("request.limited");
  try {
    return await attempt();
  } catch (thrown) {
    limits.signIns.failed(client, null, now);
    throw thrown;
  }
}

/** A path of the console, from a text of the client; the console's first page for anything else. */
function ownPath(text: string | null, origin: string): string {
  const url = text?.startsWith("/") ? URL.parse(`${origin}${text}`) : null;
  if (!url || url.origin !== origin || !url.pathname.startsWith(CONSOLE_PATH)) return CONSOLE_PATH;
  const path = `${url.pathname}${url.search}`;
  return path.length > MAX_PATH || url.pathname === CALLBACK_PATH ? CONSOLE_PATH : path;
}

function redirection(location: string, cookies: readonly string[]): Response {
  const headers = new Headers({ ...SECURITY_HEADERS, location, "cache-control": "no-store" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}
