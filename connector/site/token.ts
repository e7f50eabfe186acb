/** Reading a token file. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parse } from "yaml";
import { FairleadError } from "../../protocol/errors.ts";
import { parseClaim, TokenFile } from "../../protocol/tokens.ts";

/** Larger files are not read as tokens, in characters. */
const MAX_TOKEN = 64 * 1024;

/**
 * A token from the text of its file.
 * @throws FairleadError `token.malformed` when it is truncated or is no token.
 */
export function parseToken(content: string, source = "the token file"): TokenFile {
  if (content.length > MAX_TOKEN) throw malformed(source, "it is larger than any token");
  let document: unknown;
  try {
    document = parse(content);
  } catch (cause) {
    throw malformed(source, "it is not YAML", cause);
  }
  const token = TokenFile.safeParse(document);
  if (!token.success) {
    const issue = token.error.issues[0];
    throw malformed(source, `${issue?.path.join(".") || "its content"}: ${issue?.message ?? "wrong form"}`);
  }
  // A file that was cut inside the claim still parses as YAML.
  if (parseClaim(token.data.spec.claim) === null) throw malformed(source, "spec.claim is incomplete");
  return token.data;
}

/**
 * Reads a token from a file, or from standard input when `source` is "-".
 * @throws FairleadError `token.malformed`, also when the file cannot be read.
 */
export async function readToken(source: string, stdin: NodeJS.ReadableStream): Promise<TokenFile> {
  if (source === "-") return parseToken(await text(stdin), "standard input");
  let content: string;
  try {
    content = await readFile(source, "utf8");
  } catch (cause) {
    throw malformed(source, cause instanceof Error ? cause.message : "it cannot be read", cause);
  }
  return parseToken(content, source);
}

function malformed(source: string, why: string, cause?: unknown): FairleadError {
  return new FairleadError("token.malformed", `${source} is not a whole token: ${why}`, { cause });
}
