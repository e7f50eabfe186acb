/** Who calls: an API key, or an identity token of the provider that the operator configured. */
import type { Context } from "hono";
import { encodeHex, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { looksLikeToken } from "../auth/identity-tokens.ts";
import { clientOf } from "../limits/client.ts";
import type { ApiEnv } from "./context.ts";
import { tryWithin } from "./request-limit.ts";

/** @throws FairleadError key.missing, key.invalid, oidc.*, request.limited */
export async function authenticate(c: Context<ApiEnv>): Promise<Caller> {
  const text = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
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
      if (thrown instanceof FairleadError) note(c, thrown, text);
      throw thrown;
    }
  };
  return await tryWithin(c, "keys", hash, identify, ({ code }) => GUESSES.has(code));
}

/**
 * The same work for every text, whatever is wrong with it: one hash, one comparison with the first admin key,
 * and one look at all the others. How long an answer takes tells nothing about a key.
 */
async function findKey(c: Context<ApiEnv>, hash: string): Promise<Caller> {
  const first = equalBytes(encoder.encode(hash), encoder.encode(c.var.config.adminKeyHash));
  const key = await c.var.directory.useKey(hash);
  if (first) return { name: "admin", grants: [{ role: "admin", networks: null }] };
  if (key === null) throw new FairleadError("key.invalid");
  return { name: key.name, grants: [{ role: key.role, networks: key.networks }] };
}

const encoder = new TextEncoder();

/** SHA-256 of a key's text, lower-case hex: how keys are stored. */
export async function hashKey(text: string): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

/** Refusals that somebody who guesses or forges would get. */
const GUESSES = new Set<string>(["key.invalid", "oidc.invalid"]);
const NOTED = new Set<string>([...GUESSES, "oidc.expired", "oidc.no_role"]);

/** Has a refusal noted, at a rate that cannot fill the edge's log. */
function note(c: Context<ApiEnv>, error: FairleadError, text: string): void {
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
