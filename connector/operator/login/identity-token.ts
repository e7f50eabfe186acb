/**
 * Identity tokens (OIDC) in place of an API key. They are short-lived, so each command reads the file again.
 */
import { readFile } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { COMPACT_JWT, type ContentKind, contentKindOf } from "../../files/content-kind.ts";
import { unreadable } from "../../files/file-errors.ts";

/** Where an identity token comes from. */
const SOURCE = "Give the compact form of a JWT, as the identity provider issues it.";

/** Where an API key comes from. */
const KEY_SOURCE = "`fairlead key create` makes an API key, which begins with flk_.";

/**
 * Parses the identity token in a text.
 * @param name the option or variable that the text comes from
 * @throws FairleadError request.invalid
 */
export function parseIdentityToken(text: string, name: string): string {
  const token = text.trim();
  const kind = contentKindOf(token);
  if (kind !== null && kind.kind !== "identity")
    throw mistaken(name, "an identity token (a JWT)", kind, SOURCE);
  if (COMPACT_JWT.test(token)) return token;
  throw new FairleadError("request.invalid", `${name}: this is not an identity token (a JWT).`, {
    action: SOURCE,
  });
}

/** Reads a file with an identity token. @throws FairleadError request.invalid, file.unreadable */
export async function readIdentityToken(path: string, name: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const source = "The identity provider, or its helper on this machine, writes the file.";
    throw unreadable(thrown, { what: `${name}:`, path, source });
  });
  return parseIdentityToken(text, name);
}

/** Checks the form of an API key. @throws FairleadError request.invalid */
export function checkKey(key: string, name: string): string {
  const kind = contentKindOf(key);
  // An identity token authorises requests as a key does.
  if (kind !== null && kind.kind !== "key" && kind.kind !== "identity") {
    throw mistaken(name, "an API key", kind, KEY_SOURCE);
  }
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new FairleadError("request.invalid", `${name}: this is not an API key.`, { action: KEY_SOURCE });
}

/** The error of a text that is something else than `wanted`. */
function mistaken(name: string, wanted: string, { is, action }: ContentKind, source: string): FairleadError {
  return new FairleadError("request.invalid", `${name}: this is ${is}, and not ${wanted}.`, {
    action: `${action} ${source}`,
  });
}
