/**
 * Authentication of API requests: by an API key, by an identity token of the configured provider, or by a session of the
 * console.
 */
import type { Context } from "hono";
import { encodeHex, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { grantsOf } from "../auth/claims.ts";
import { looksLikeToken } from "../auth/identity-tokens.ts";
import type { Identity } from "../console/identity.ts";
import { isOwnPage } from "../console/origin.ts";
import { servesConsole } from "../console/serve-console.ts";
import { sessionIn } from "../console/session-cookie.ts";
import type { StoredSession } from "../console/store.ts";
import { openConsole } from "../console/stub.ts";
import { clientOf } from "../limits/client.ts";
import type { ApiEnv } from "./context.ts";
import { limitFailures } from "./request-limit.ts";

/** A caller, and what proved it: null where only the listener did. */
export interface Authenticated {
  readonly caller: Caller;
  readonly identity: Identity | null;
}

/**
 * Returns the caller of a request.
 * @throws FairleadError key.missing, key.invalid, oidc.*, console.session_ended, console.cross_site, request.limited
 */
export async function authenticate(c: Context<ApiEnv>): Promise<Authenticated> {
  const text = bearerOf(c);
  if (text === undefined) return await authenticatePage(c);
  const hash = await hashKey(text);
  const { identityTokens } = c.var;
  const identify = async (): Promise<Authenticated> => {
    try {
      const { oidc } = c.var.config;
      if (oidc === null || !looksLikeToken(text)) {
        return { caller: await findKey(c, hash), identity: { kind: "key", hash } };
      }
      if (oidc instanceof FairleadError) throw oidc;
      const { name, grants, values } = await identityTokens.verify(text, oidc);
      const { issuer } = oidc;
      return { caller: { name, grants }, identity: { kind: "oidc", issuer, name, values: [...values] } };
    } catch (thrown) {
      if (thrown instanceof FairleadError) logRefusal(c, thrown, text);
      throw thrown;
    }
  };
  return await limitFailures(c, "keys", hash, identify, ({ code }) => GUESSES.has(code));
}

/** The caller in a console without a sign-in, whose listener proves that the request is of this machine. */
export const LOCAL: Caller = { name: "console", grants: [{ role: "admin", networks: null }] };

/** Whether a request needs no sign-in at the console. */
export function isOpenTo({ var: { config, listener } }: Context<ApiEnv>): boolean {
  return config.console.mode === "unsecured" && listener === "loopback";
}

/**
 * Returns the caller of a request of the console's page, which has no credential of its own.
 * @throws FairleadError key.missing, console.session_ended, console.cross_site, request.limited
 */
async function authenticatePage(c: Context<ApiEnv>): Promise<Authenticated> {
  const { config, listener } = c.var;
  if (!servesConsole(config, listener)) throw new FairleadError("key.missing");
  const found = await findSession(c);
  const isOpen = isOpenTo(c);
  if (found === null && !isOpen) throw new FairleadError("key.missing");
  requireOwnPage(c);
  if (found === "ended" && !isOpen) throw new FairleadError("console.session_ended");
  return found === null || found === "ended" ? { caller: LOCAL, identity: null } : found;
}

/** Refuses what a page of another site may have sent. @throws FairleadError console.cross_site */
export function requireOwnPage(c: Context<ApiEnv>): void {
  if (!isOwnPage(c.req.raw, new URL(c.req.url).origin)) throw new FairleadError("console.cross_site");
}

/**
 * The session of an id, by default that of the request's cookie; null without one, "ended" where it is not valid.
 * @throws FairleadError request.limited
 */
export async function findSession(
  c: Context<ApiEnv>,
  id: string | null = sessionIn(c.req.raw, c.var.listener),
): Promise<(Authenticated & { readonly expiresAt: number }) | "ended" | null> {
  if (id === null) return null;
  const hash = await hashKey(id);
  const look = async () => {
    const session = await openConsole(c.var.config.objects.console).session(hash);
    const caller = session && (await callerOf(c, session));
    if (session === null || caller === null) throw new FairleadError("console.session_ended");
    return { caller, identity: session.identity, expiresAt: session.expiresAt };
  };
  try {
    return await limitFailures(c, "keys", hash, look, () => true);
  } catch (thrown) {
    if (thrown instanceof FairleadError && thrown.code === "console.session_ended") return "ended";
    throw thrown;
  }
}

/** What the identity of a session may do at present; null when it may nothing any more. */
async function callerOf(c: Context<ApiEnv>, { identity, grant }: StoredSession): Promise<Caller | null> {
  const { oidc } = c.var.config;
  switch (identity.kind) {
    case "user":
      return grant && { name: `${identity.name} (console)`, grants: [grant] };
    case "key":
      return await findKey(c, identity.hash).catch((thrown: unknown) => {
        if (thrown instanceof FairleadError && thrown.code.startsWith("key.")) return null;
        throw thrown;
      });
    case "oidc": {
      if (oidc === null || oidc instanceof FairleadError || oidc.issuer !== identity.issuer) return null;
      const grants = grantsOf(identity.values, oidc.grants);
      return grants.length === 0 ? null : { name: identity.name, grants };
    }
  }
}

/**
 * Looks a key up by its hash. Every text costs one comparison with the first admin key and one look-up among
 * all others, so the response time reveals nothing about a key.
 */
async function findKey(c: Context<ApiEnv>, hash: string): Promise<Caller> {
  const first = equalBytes(encoder.encode(hash), encoder.encode(c.var.config.adminKeyHash));
  const key = await c.var.directory.useKey(hash);
  if (first) return { name: "admin", grants: [{ role: "admin", networks: null }] };
  if (key === null) throw new FairleadError("key.invalid");
  const { name, role, networks } = key;
  if (role === "dns") throw new FairleadError("key.forbidden", "This key is good for DNS over HTTPS alone.");
  return { name, grants: [{ role, networks }] };
}

/** The view of a network that a key for DNS gives. */
export interface DnsAccess {
  /** Ids. */
  readonly network: string;
  readonly site: string;
  /** A hash of the key, by which its queries are counted. */
  readonly key: string;
}

/**
 * What a key for DNS is good for. The key is in the path of the request, or in its `authorization` header.
 * @throws FairleadError key.missing, key.invalid, key.forbidden, request.limited
 */
export async function authenticateDns(c: Context<ApiEnv>, inPath: string | undefined): Promise<DnsAccess> {
  const text = inPath ?? bearerOf(c);
  if (text === undefined) throw new FairleadError("key.missing");
  const hash = await hashKey(text);
  const identify = async () => {
    const key = await c.var.directory.useKey(hash);
    if (key === null) {
      const error = new FairleadError("key.invalid");
      logRefusal(c, error, text);
      throw error;
    }
    const network = key.networks?.[0];
    if (key.role !== "dns" || key.site === undefined || network === undefined) {
      throw new FairleadError(
        "key.forbidden",
        "This key is not for DNS: `fairlead key create --dns SITE` makes one.",
      );
    }
    return { network, site: key.site, key: hash };
  };
  return await limitFailures(c, "keys", hash, identify, ({ code }) => GUESSES.has(code));
}

/** The credential in the `authorization` header of a request. */
export const bearerOf = (c: Context<ApiEnv>): string | undefined =>
  /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];

const encoder = new TextEncoder();

/** SHA-256 of a key's text, lower-case hex: the form in which keys are stored. */
export async function hashKey(text: string): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

/** Codes that count as a failed guess. */
const GUESSES = new Set<string>(["key.invalid", "oidc.invalid"]);
/** Codes that are written to the event log. */
const NOTED = new Set<string>([...GUESSES, "oidc.expired", "oidc.no_role"]);

/** Writes a refusal to the edge's event log. */
function logRefusal(c: Context<ApiEnv>, error: FairleadError, text: string): void {
  if (!NOTED.has(error.code)) return;
  const id = /^flk_([a-z0-9]{1,40})_/.exec(text)?.[1];
  noteRefusal(c, error, id === undefined ? "A request" : `A request with a key ${id}`);
}

/**
 * Writes a refusal to the edge's event log, at a rate that cannot fill it.
 * @param what begin of the sentence: what was refused
 */
export function noteRefusal(c: Context<ApiEnv>, error: FairleadError, what: string): void {
  const { keyNotes, allKeyNotes } = c.var.limits;
  const client = clientOf(c.req.raw);
  const now = Date.now();
  if (keyNotes.take(client, now) > 0 || allKeyNotes.take("all", now) > 0) return;
  const noted = c.var.directory.noteRefusedKey({
    code: error.code,
    text: `${what} from ${client} was refused: ${error.message}`,
  });
  c.executionCtx.waitUntil(noted);
}
