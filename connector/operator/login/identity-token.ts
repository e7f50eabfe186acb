/**
 * Identity tokens (OIDC) in place of an API key. They are short-lived, so each command reads the file again.
 */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseClaim } from "../../../protocol/tokens.ts";

/** A JWT in its compact form. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Prefix of every API key. */
const KEY_PREFIX = "flk_";

/**
 * Parses the identity token in a text.
 * @param name the option or variable that the text comes from
 * @throws FairleadError request.invalid
 */
export function parseIdentityToken(text: string, name: string): string {
  const token = text.trim();
  if (token.startsWith(KEY_PREFIX)) {
    throw new FairleadError("request.invalid", `${name}: this is an API key. Give it with --key-file.`);
  }
  if (parseClaim(token) !== null) throw claimError(name);
  if (COMPACT.test(token)) return token;
  throw new FairleadError("request.invalid", `${name}: this is no identity token (a JWT).`);
}

/** Reads a file with an identity token. @throws FairleadError request.invalid */
export async function readIdentityToken(path: string, name: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${name}: ${why}.`, { cause: thrown });
  });
  return parseIdentityToken(text, name);
}

/** Checks the form of an API key. @throws FairleadError request.invalid */
export function checkKey(key: string, name: string): string {
  if (parseClaim(key) !== null) throw claimError(name);
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new FairleadError("request.invalid", `${name}: this is no API key.`);
}

function claimError(name: string): FairleadError {
  return new FairleadError(
    "request.invalid",
    `${name}: this is the claim of a token, which admits sites. API keys begin with ${KEY_PREFIX}.`,
  );
}
