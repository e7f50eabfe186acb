/** Authentication of API requests: by an API key, or by an identity token of the configured provider. */
import type { Context } from "hono";
import { encodeHex, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { looksLikeToken } from "../auth/identity-tokens.ts";
import { clientOf } from "../limits/client.ts";
import type { ApiEnv } from "./context.ts";
import { limitFailures } from "./request-limit.ts";

/**
 * Returns the caller of a request.
 * @throws FairleadError key.missing, key.invalid, oidc.*, request.limited
 */
export async function authenticate(c: Context<ApiEnv>): Promise<Caller> {
  const text = bearerOf(c);
  if (text === undefined) throw new FairleadError("key.missing");
  const hash = await hashKey(text);
  const { identityTokens } = c.var;
  const identify = async () => {
    try {
      const { oidc } = c.var.config;
      if (oidc === null || !looksLikeToken(text)) return await findKey(c, hash);
      if (oidc instanceof FairleadError) throw oidc;
      return await identityTokens.verify(text, oidc);
    } catch (thrown) {
      if (thrown instanceof FairleadError) logRefusal(c, thrown, text);
      throw thrown;
    }
  };
  return await limitFailures(c, "keys", hash, identify, ({ code }) => GUESSES.has(code));
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

/** Writes a refusal to the edge's event log, at a rate that cannot fill it. */
function logRefusal(c: Context<ApiEnv>, error: FairleadError, text: string): void {
  if (!NOTED.has(error.code)) return;
  const { keyNotes, allKeyNotes } = c.var.limits;
  const client = clientOf(c.req.raw);
  const now = Date.now();
  if (keyNotes.take(client, now) > 0 || allKeyNotes.take("all", now) > 0) return;
  const id = /^flk_([a-z0-9]{1,40})_/.exec(text)?.[1];
  const what = id === undefined ? "A request" : `A request with a key ${id}`;
  const noted = c.var.directory.noteRefusedKey({
    code: error.code,
    text: `${what} from ${client} was refused: ${error.message}`,
  });
  c.executionCtx.waitUntil(noted);
}
