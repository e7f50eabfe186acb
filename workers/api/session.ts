/** The session of the console: who is signed in, sign-in, sign-out and one-time links. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { version } from "../../package.json";
import { CONSOLE_PATH, ConsoleSession, SignIn, SignInLink } from "../../protocol/api/console.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { isLoopbackName } from "../console/origin.ts";
import { verifyPassword } from "../console/password.ts";
import { servesConsole } from "../console/serve-console.ts";
import { isSecret, newSecret, sessionCookie, sessionIn } from "../console/session-cookie.ts";
import { openConsole } from "../console/stub.ts";
import { findSession, hashKey, isOpenTo, LOCAL, noteRefusal, requireOwnPage } from "./authentication.ts";
import { type Api, type ApiEnv, body, responses } from "./context.ts";
import { limitFailures, refuseFor } from "./request-limit.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["console"];

const show = createRoute({
  ...routeAccess("get", "/v1/session"),
  summary: "Show who is signed in at the console, and how people sign in",
  tags,
  responses: responses(200, ConsoleSession, "The session."),
});

const begin = createRoute({
  ...routeAccess("post", "/v1/session"),
  summary: "Sign in at the console",
  tags,
  request: { body: body(SignIn) },
  responses: responses(200, ConsoleSession, "The session, whose id is in a cookie."),
});

const end = createRoute({
  ...routeAccess("delete", "/v1/session"),
  summary: "Sign out of the console",
  tags,
  responses: responses(200, ConsoleSession, "The way to sign in again."),
});

const link = createRoute({
  ...routeAccess("post", "/v1/session/links"),
  summary: "Create a one-time link that signs the caller in at the console",
  tags,
  responses: responses(201, SignInLink, "The link."),
});

export function addSession(api: Api): void {
  api.openapi(show, async (c) => c.json(describe(c, await present(c)), 200));

  api.openapi(begin, async (c) => {
    const { config, listener } = c.var;
    if (!servesConsole(config, listener)) throw new FairleadError("console.off");
    requireOwnPage(c);
    const request = c.req.valid("json");
    const id = newSecret();
    const hash = await hashKey(id);
    const attempt = () =>
      "link" in request ? redeemLink(c, request.link, hash) : checkPassword(c, request, hash);
    const expiresAt = await limitFailures(c, "signIns", null, attempt, ({ code }) => code === WRONG);
    const seconds = Math.floor((expiresAt - Date.now()) / 1000);
    c.header("set-cookie", sessionCookie(c.req.raw, listener, id, seconds));
    const found = await findSession(c, id);
    return c.json(describe(c, found === "ended" ? null : found), 200);
  });

  api.openapi(end, async (c) => {
    const id = sessionIn(c.req.raw, c.var.listener);
    if (id !== null) {
      requireOwnPage(c);
      await openConsole(c.var.config.objects.console).endSession(await hashKey(id));
      c.header("set-cookie", sessionCookie(c.req.raw, c.var.listener, "", 0));
    }
    return c.json(describe(c, null), 200);
  });

  api.openapi(link, async (c) => {
    const url = consoleUrl(c);
    if (url === null) throw new FairleadError("console.off");
    const { identity } = c.var;
    if (identity === null) return c.json({ url, expiresAt: new Date().toISOString() }, 201);
    const secret = newSecret();
    const console = openConsole(c.var.config.objects.console);
    const expiresAt = await console.addLink(await hashKey(secret), identity);
    return c.json({ url: `${url}#link=${secret}`, expiresAt: new Date(expiresAt).toISOString() }, 201);
  });
}

/** The code of a failed sign-in. */
const WRONG = "console.sign_in_failed";

/** A caller, and when the session ends at the latest, ms since 1970: null for no end. */
interface Present {
  readonly caller: Caller;
  readonly expiresAt: number | null;
}

/** Who is signed in; null for nobody. @throws FairleadError request.limited */
async function present(c: Context<ApiEnv>): Promise<Present | null> {
  if (!servesConsole(c.var.config, c.var.listener)) return null;
  const found = await findSession(c);
  if (found !== null && found !== "ended") return found;
  return isOpenTo(c) ? { caller: LOCAL, expiresAt: null } : null;
}

function describe(c: Context<ApiEnv>, found: Present | null): ConsoleSession {
  const { mode } = c.var.config.console;
  const user = found && {
    name: found.caller.name,
    grants: found.caller.grants.map(({ role, networks }) => ({ role, networks: networks && [...networks] })),
    expiresAt: found.expiresAt === null ? null : new Date(found.expiresAt).toISOString(),
  };
  return { mode, user, version, url: consoleUrl(c) };
}

/**
 * Where the caller opens the console; null when none is served. A request by a name of this machine comes from it, so
 * the listener on loopback is within reach.
 */
function consoleUrl(c: Context<ApiEnv>): string | null {
  const { config, listener } = c.var;
  const { mode, localOrigin } = config.console;
  if (mode === "none") return null;
  const requested = new URL(c.req.url);
  if (listener === "loopback") return `${requested.origin}${CONSOLE_PATH}`;
  const isLocal = localOrigin !== null && (mode === "unsecured" || isLoopbackName(requested));
  if (isLocal) return `${localOrigin}${CONSOLE_PATH}`;
  return mode === "unsecured" ? null : `${config.apiUrl}${CONSOLE_PATH}`;
}

/**
 * Begins a session with a user's password.
 * @param session SHA-256 of the session's id
 * @returns when the session ends, ms since 1970
 * @throws FairleadError console.sign_in_failed, console.off, request.limited
 */
async function checkPassword(
  c: Context<ApiEnv>,
  { user, password }: { user: string; password: string },
  session: string,
): Promise<number> {
  if (c.var.config.console.mode !== "internal") throw new FairleadError("console.off");
  const console = openConsole(c.var.config.objects.console);
  const name = user.trim().toLowerCase();
  const { wait, password: stored } = await console.attempt(name);
  refuseFor(c, wait);
  if (await verifyPassword(password, stored)) {
    const expiresAt = await console.beginSession(session, { kind: "user", name }, stored ?? "");
    if (expiresAt !== null) return expiresAt;
  }
  throw refused(c, stored === null ? "A sign-in at the console" : `A sign-in at the console as ${name}`);
}

/** As {@link checkPassword}, with the secret of a one-time link. */
async function redeemLink(c: Context<ApiEnv>, secret: string, session: string): Promise<number> {
  const hash = isSecret(secret) ? await hashKey(secret) : null;
  const expiresAt =
    hash === null ? null : await openConsole(c.var.config.objects.console).redeemLink(hash, session);
  if (expiresAt === null) throw refused(c, "A sign-in at the console with a link");
  return expiresAt;
}

/** The error for a wrong password or link, which the edge's event log notes. @param what was refused */
function refused(c: Context<ApiEnv>, what: string): FairleadError {
  const error = new FairleadError(WRONG);
  noteRefusal(c, error, what);
  return error;
}
