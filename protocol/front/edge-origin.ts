/**
 * The address of an edge: `https://HOST[:PORT]` and nothing else (docs/protocol.md, "Joining"). Token files,
 * responses, state directories, backups and the command line have such addresses. So an address decides where
 * a request goes, and nothing else about the request.
 */
import * as z from "zod";

/** The longest address, in characters; a DNS name has at most 253. */
const MAX_LENGTH = 300;

/** The scheme, an authority without user and percent-encoding, and an optional slash. */
const FORM = /^https:\/\/[^\s/\\?#@%\p{C}]+\/?$/iu;

/** A host of a parsed URL: DNS labels in lower case, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])$/;

/**
 * The canonical form of an edge's address: in lower case, without default port and final slash, IPv6 in its
 * shortest form. Null for a text that is not `https://HOST[:PORT]`.
 */
export function parseEdgeOrigin(text: string): string | null {
  if (text.length > MAX_LENGTH || !FORM.test(text) || !URL.canParse(text)) return null;
  const { origin, hostname, port } = new URL(text);
  return HOST.test(hostname) && port !== "0" ? origin : null;
}

/** The schema of an edge's address. Parsing returns the canonical form. */
export const EdgeOrigin = z
  .string()
  .max(MAX_LENGTH)
  .refine((text) => parseEdgeOrigin(text) !== null, "must be https://HOST[:PORT]")
  .overwrite((text) => parseEdgeOrigin(text) ?? text);
