/** Identity tokens (OIDC), which stand where an API key does: read from a file each time, since they are short-lived. */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseClaim } from "../../../protocol/tokens.ts";

/** A JWT in its compact form. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** How every API key begins. */
const KEY_PREFIX = "flk_";

/**
 * The identity token in a text.
 * @param name says which option or variable the text came by.
 * @throws FairleadError `request.invalid`
 */
export function parseIdentityToken(text: string, name: string): string {
  const token = text.trim();
  if (token.startsWith(KEY_PREFIX)) {
    throw new FairleadError("request.invalid", `${name}: this is an API key; give it with --key-file`);
  }
  if (parseClaim(token) !== null) throw claimError(name);
  if (COMPACT.test(token)) return token;
  throw new FairleadError("request.invalid", `${name}: there is no identity token (a JWT) in it`);
}

/** Reads a file with an identity token. @throws FairleadError `request.invalid` */
export async function readIdentityToken(path: string, name: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${name}: ${why}`, { cause: thrown });
  });
  return parseIdentityToken(text, name);
}

/** An API key as it was given. @throws FairleadError `request.invalid` when it is something else by its form */
export function checkKey(key: string, name: string): string {
  if (parseClaim(key) !== null) throw claimError(name);
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new FairleadError("request.invalid", `${name}: there is no API key in it`);
}

function claimError(name: string): FairleadError {
  return new FairleadError(
    "request.invalid",
    `${name}: this is a token's claim, which admits sites; API keys begin with ${KEY_PREFIX}`,
  );
}
