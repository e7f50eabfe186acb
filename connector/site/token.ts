/** Reads token files. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parse } from "yaml";
import { FairleadError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/parse.ts";
import { parseClaim, TokenFile } from "../../protocol/tokens.ts";
import { type ContentKind, contentKindOf } from "../files/content-kind.ts";
import { unreadable } from "../files/file-errors.ts";
import { isAuthority } from "./chain.ts";

/** Longest token file, characters. */
const MAX_TOKEN = 64 * 1024;

/**
 * Parses the text of a token file.
 * @throws FairleadError `token.malformed` when it is truncated or is no token
 */
export function parseToken(content: string, source = "The token file"): TokenFile {
  const other = contentKindOf(content);
  if (other !== null && other.kind !== "token") throw ofAnotherKind(source, other);
  if (content.length > MAX_TOKEN) throw malformed(source, "it is too long");
  let document: unknown;
  try {
    document = parse(content);
  } catch (cause) {
    throw malformed(source, "it is not YAML", cause);
  }
  const token = parseWith(TokenFile, document, (why) => malformed(source, why));
  // A file truncated inside the claim is still valid YAML.
  if (parseClaim(token.spec.claim) === null) throw malformed(source, "spec.claim is incomplete");
  if (!isAuthority(token.spec.ca)) throw malformed(source, "spec.ca is not the certificate of a CA");
  return token;
}

/** Where a token file comes from. */
const SOURCE = "`fairlead token create -o FILE` writes a token file, where an operator is logged in.";

/** The source of a token that is the text of the variable FAIRLEAD_TOKEN. */
const FROM_ENVIRONMENT = "$FAIRLEAD_TOKEN";

/**
 * Reads a token from a file, from standard input when `source` is "-", or from FAIRLEAD_TOKEN when it is that
 * variable's name with a dollar sign.
 * @throws FairleadError `token.malformed`; `file.unreadable`
 */
export async function readToken(source: string, stdin: NodeJS.ReadableStream): Promise<TokenFile> {
  if (source === "-") return parseToken(await text(stdin), "Standard input");
  if (source === FROM_ENVIRONMENT) return parseToken(process.env.FAIRLEAD_TOKEN ?? "", "FAIRLEAD_TOKEN");
  return parseToken(await readTokenText(source), source);
}

/** Reads and checks the text of a token file. @throws FairleadError `token.malformed`, `file.unreadable` */
export async function readTokenText(path: string): Promise<string> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (cause) {
    throw unreadable(cause, { what: "The token file", path, source: SOURCE });
  }
  parseToken(content, path);
  return content;
}

/** Makes a reader that reads each token file once: standard input cannot be read twice. */
export function tokenReader(stdin: NodeJS.ReadableStream): (source: string) => Promise<TokenFile> {
  const read = new Map<string, Promise<TokenFile>>();
  return (source) => {
    const token = read.get(source) ?? readToken(source, stdin);
    read.set(source, token);
    return token;
  };
}

/** The error of a text that is something else than a token. */
function ofAnotherKind(source: string, { is, action }: ContentKind): FairleadError {
  return new FairleadError("token.malformed", `${source} is ${is}, and not a token.`, {
    action: `${action} ${SOURCE}`,
  });
}

function malformed(source: string, why: string, cause?: unknown): FairleadError {
  return new FairleadError("token.malformed", `${source} is not a complete token: ${why}.`, { cause });
}
