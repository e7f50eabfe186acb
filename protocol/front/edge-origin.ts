/**
 * The address of an edge, wherever one comes from outside: token files, answers, state directories, backups, the command
 * line. `https://HOST[:PORT]` and nothing else, so that an address decides where a request goes and nothing about it.
 */
import { z } from "zod";

/** Longest address, in characters: a DNS name has 253 at the most. */
const MAX_LENGTH = 300;

/** The scheme, one authority without user or percent-encoding, and at most the slash of an empty path. */
const FORM = /^https:\/\/[^\s/\\?#@%\p{C}]+\/?$/iu;

/** A host as URLs have it after parsing: DNS labels in lower case, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])$/;

/**
 * The canonical form of an edge's address: lower case, no default port, no slash at the end, IPv6 in its shortest form.
 * Null when the text is not `https://HOST[:PORT]`.
 */
export function parseEdgeOrigin(text: string): string | null {
  if (text.length > MAX_LENGTH || !FORM.test(text) || !URL.canParse(text)) return null;
  const { origin, hostname, port } = new URL(text);
  return HOST.test(hostname) && port !== "0" ? origin : null;
}

/** The address of an edge; reading gives its canonical form. */
export const EdgeOrigin = z
  .string()
  .max(MAX_LENGTH)
  .refine((text) => parseEdgeOrigin(text) !== null, "must be https://HOST[:PORT]")
  .overwrite((text) => parseEdgeOrigin(text) ?? text);
