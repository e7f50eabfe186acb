/**
 * The sign-in of browsers at a door: with the identity provider of the edge, or with a key for the hostname. Its paths
 * below `/.fairlead/` belong to the door where a hostname asks for a credential, and the service gets no request for
 * them (docs/door.md).
 */
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { Hostname } from "../../protocol/hostnames.ts";
import { NetworkId } from "../../protocol/ids.ts";
import type { SignInProvider, SignInSettings } from "../auth/sign-in-provider.ts";
import { browserSecret, SIGN_IN_SECONDS, SignInFormat } from "../auth/sign-in-state.ts";
import type { Config } from "../config.ts";
import { publicError } from "../error-response.ts";
import { readAtMost } from "../read-at-most.ts";
import { beginSession, readSession } from "./browser-session.ts";
import { cookieIn, SESSION_COOKIE, SIGN_IN_COOKIE, setCookie } from "./cookies.ts";
import { DOOR_KEY_HEADER } from "./credentials.ts";
import { type AccessOptions, limited, printable, type RequestedDoor, sha256, useKey } from "./door-access.ts";
import { doorError } from "./response.ts";
import { buttonForm, escapeHtml, keyForm, page } from "./sign-in-page.ts";

/** Begin of the paths that belong to the door. */
const OWN_PATHS = "/.fairlead/";
const CALLBACK = `${OWN_PATHS}callback`;
const SIGN_IN = `${OWN_PATHS}sign-in`;
const SIGN_OUT = `${OWN_PATHS}sign-out`;

const FORMAT = new SignInFormat({
  place: z.object({ network: NetworkId, hostname: Hostname }),
  purpose: "door sign-in 1",
  failed: "door.sign_in_failed",
});

/** Longest path that a browser comes back to, characters: it is part of a URL of the provider. */
const MAX_PATH = 1_000;
/** Longest code of a provider that is read, characters. */
const MAX_CODE = 4_096;
/** Largest form that is read, bytes. */
const MAX_FORM = 16 * 1024;

export interface SignInOptions extends AccessOptions {
  readonly provider: SignInProvider;
}

/** A request of a browser to a door. */
class BrowserRequest {
  readonly request: Request;
  readonly door: RequestedDoor;
  readonly options: SignInOptions;
  readonly url: URL;
  /** The origin as the browser sees it: `__Host-` cookies exist over HTTPS alone. */
  readonly origin: string;

  constructor(request: Request, door: RequestedDoor, options: SignInOptions) {
    this.request = request;
    this.door = door;
    this.options = options;
    this.url = new URL(request.url);
    this.origin = new URL(`https://${this.url.host}`).origin;
  }

  get signing(): { readonly deploymentCaKey: string; readonly now: number } {
    const { config, now } = this.options;
    return { deploymentCaKey: config.deploymentCaKey, now };
  }

  /** A redirection to a path of the hostname, with cookies. The URL is absolute, since a path may begin with `//`. */
  redirect(path: string, cookies: readonly string[]): Response {
    return redirection(303, `${this.origin}${path}`, cookies);
  }

  /**
   * A path of this hostname, from a text of the client: "/" for anything else.
   * @param text path and query
   */
  path(text: string): string {
    const url = text.startsWith("/") ? URL.parse(`${this.origin}${text}`) : null;
    if (url === null || url.origin !== this.origin) return "/";
    const path = `${url.pathname}${url.search}`;
    return path.startsWith(OWN_PATHS) || path.length > MAX_PATH ? "/" : path;
  }

  /** @throws FairleadError door.sign_in_failed unless a page of this hostname sent the form */
  checkOrigin(): void {
    const { headers } = this.request;
    const origin = headers.get("origin");
    const isOwn = origin === null ? headers.get("sec-fetch-site") === "same-origin" : origin === this.origin;
    if (!isOwn) throw new FairleadError("door.sign_in_failed");
  }
}

/** Serves a path that belongs to the door; null for a request to the service. */
export async function serveOwnPath(
  request: Request,
  door: RequestedDoor,
  options: SignInOptions,
): Promise<Response | null> {
  const browser = new BrowserRequest(request, door, options);
  const { pathname } = browser.url;
  if (door.access === "open" || !pathname.startsWith(OWN_PATHS)) return null;
  try {
    const { method } = request;
    const isGet = method === "GET" || method === "HEAD";
    if (pathname === SIGN_OUT && (isGet || method === "POST")) return await signOut(browser);
    if (pathname === SIGN_IN && isGet) {
      const signIn = await begin(browser, browser.path(browser.url.searchParams.get("to") ?? "/"), 200);
      if (signIn !== null) return signIn;
    }
    if (pathname === SIGN_IN && method === "POST" && door.access === "key") return await takeKey(browser);
    // A HEAD must not use the code up.
    if (pathname === CALLBACK && method === "GET" && door.access === "oidc") return await finish(browser);
  } catch (thrown) {
    return await failurePage(publicError(thrown, "door"));
  }
  return doorError(new FairleadError("door.unknown_page"));
}

/** What a browser gets that came without a credential; null where the client gets the error. */
export async function offerSignIn(
  request: Request,
  door: RequestedDoor,
  options: SignInOptions,
): Promise<Response | null> {
  if (!isNavigation(request)) return null;
  const browser = new BrowserRequest(request, door, options);
  try {
    return await begin(browser, browser.path(`${browser.url.pathname}${browser.url.search}`), 401);
  } catch (thrown) {
    return await failurePage(publicError(thrown, "door"));
  }
}

/** Whether a person waits for the answer in a browser, without a credential of the request's own. */
function isNavigation({ method, headers }: Request): boolean {
  const mode = headers.get("sec-fetch-mode");
  return (
    (method === "GET" || method === "HEAD") &&
    (headers.get("accept")?.toLowerCase().includes("text/html") ?? false) &&
    (mode === null || mode === "navigate") &&
    !headers.has("authorization") &&
    !headers.has(DOOR_KEY_HEADER) &&
    !headers.has("upgrade")
  );
}

/** Begins a sign-in, with a status for the page that asks for a key; null where browsers cannot sign in. */
async function begin(browser: BrowserRequest, path: string, status: number): Promise<Response | null> {
  const { door, request, options, origin, signing } = browser;
  if (door.access === "key") return await keyPage(browser, { status, path });
  const settings = settingsOf(options.config);
  if (settings === null) return null;
  const secret = browserSecret(cookieIn(request.headers, SIGN_IN_COOKIE));
  const { state, ...values } = await FORMAT.begin(placeOf(door), { secret, path }, signing);
  const redirectUri = `${origin}${CALLBACK}`;
  const url = await options.provider.authorizationUrl(settings, { ...values, redirectUri }, state);
  return redirection(302, url, [setCookie(SIGN_IN_COOKIE, secret, SIGN_IN_SECONDS)]);
}

const placeOf = ({ network, hostname }: RequestedDoor) => ({ network, hostname });

/** The provider's settings; null where browsers cannot sign in. @throws FairleadError edge.misconfigured */
function settingsOf({ oidc }: Config): SignInSettings | null {
  if (oidc instanceof FairleadError) throw oidc;
  return oidc === null || oidc.client === null ? null : { ...oidc, client: oidc.client };
}

/**
 * Finishes a sign-in when the browser comes back from the provider.
 * @throws FairleadError door.sign_in_failed, door.limited, oidc.*
 */
async function finish(browser: BrowserRequest): Promise<Response> {
  const { door, request, options, origin, signing, url } = browser;
  const settings = settingsOf(options.config);
  if (settings === null) throw new FairleadError("door.unknown_page");
  const parameter = (name: string): string | null => {
    const [value, ...more] = url.searchParams.getAll(name);
    // RFC 6749 §3.1: parameters are not repeated.
    if (more.length > 0) throw new FairleadError("door.sign_in_failed");
    return value ?? null;
  };
  const secret = cookieIn(request.headers, SIGN_IN_COOKIE);
  const { path, values } = await FORMAT.read(parameter("state") ?? "", placeOf(door), secret, signing);
  if (values === null) {
    // Another tab of the browser has finished its sign-in, which ended the secret of both.
    const session = cookieIn(request.headers, SESSION_COOKIE);
    if (session !== null && (await readSession(session, door, signing)) !== null) {
      return browser.redirect(path, []);
    }
    throw new FairleadError("door.sign_in_failed");
  }
  const code = parameter("code");
  if (parameter("error") !== null || !code || code.length > MAX_CODE) {
    throw new FairleadError("door.sign_in_failed", "The identity provider did not sign you in.");
  }
  const issuer = parameter("iss");
  const signIn = { ...values, redirectUri: `${origin}${CALLBACK}` };
  const name = await limited(null, options, () =>
    options.provider.redeem(settings, signIn, { code, issuer }),
  );
  const { network, hostname } = door;
  const proof = { kind: "oidc" as const, issuer: settings.issuer, name: printable(name) };
  const cookie = await beginSession({ network, hostname, proof }, signing);
  return browser.redirect(path, [cookie, setCookie(SIGN_IN_COOKIE, "", 0)]);
}

/** Begins a session with the key in a form. @throws FairleadError door.sign_in_failed, door.limited */
async function takeKey(browser: BrowserRequest): Promise<Response> {
  browser.checkOrigin();
  const { door, request, options, signing } = browser;
  const bytes = request.body === null ? null : await readAtMost(request.body, MAX_FORM);
  const form = new URLSearchParams(new TextDecoder().decode(bytes ?? undefined));
  const path = browser.path(form.get("to") ?? "/");
  const hash = await sha256((form.get("key") ?? "").trim());
  try {
    await limited(hash, options, () => useKey(hash, door, options));
  } catch (thrown) {
    const error = publicError(thrown, "door");
    if (error.code !== "door.unauthorized") throw error;
    return await keyPage(browser, { status: 401, path, error: "The key is not valid for this hostname." });
  }
  const { network, hostname } = door;
  const cookie = await beginSession({ network, hostname, proof: { kind: "key", hash } }, signing);
  return browser.redirect(path, [cookie]);
}

/** Ends the session of a browser, which a page with a button asks for. @throws FairleadError door.sign_in_failed */
async function signOut(browser: BrowserRequest): Promise<Response> {
  const { hostname } = browser.door;
  if (browser.request.method !== "POST") {
    const body = buttonForm(SIGN_OUT, "Sign out");
    return await page({ status: 200, title: `Sign out of ${hostname}`, body });
  }
  browser.checkOrigin();
  const body = `<p>You are signed out of ${escapeHtml(hostname)}.</p>\n<p><a href="/">Sign in again</a></p>`;
  const headers = { "set-cookie": setCookie(SESSION_COOKIE, "", 0) };
  return await page({ status: 200, title: "Signed out", body, headers });
}

async function keyPage(
  { door: { hostname } }: BrowserRequest,
  { status, path, error }: { status: number; path: string; error?: string },
): Promise<Response> {
  const told = error === undefined ? "" : `<p class="error" role="alert">${escapeHtml(error)}</p>\n`;
  return await page({
    status,
    title: `Sign in to ${hostname}`,
    body: `${told}${keyForm(SIGN_IN, path)}`,
    ...(status === 401 ? { headers: { "www-authenticate": 'Bearer realm="fairlead"' } } : {}),
  });
}

/** The page for a sign-in that failed, with the status and the code of its error. */
async function failurePage(error: FairleadError): Promise<Response> {
  // The body says the same to programs.
  const { status, headers } = doorError(error);
  const retryAfter = headers.get("retry-after");
  const text = error.code.startsWith("door.") ? error.message : error.entry.meaning;
  return await page({
    status,
    title: "The sign-in failed",
    body: `<p class="error" role="alert">${escapeHtml(text)}</p>
<p>${escapeHtml(error.code)}</p>
<p><a href="/">Try again</a></p>`,
    ...(retryAfter === null ? {} : { headers: { "retry-after": retryAfter } }),
  });
}

function redirection(status: number, location: string, cookies: readonly string[]): Response {
  const headers = new Headers({ location, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status, headers });
}
