/** The token of an installation, as the text of its file. */
import type { Io } from "../framework/io.ts";

export interface TokenText {
  readonly text: string;
  /** RFC 3339. */
  readonly expires: string;
  /** Ports of the addresses that a site with the token dials. */
  readonly ports: readonly number[];
}

/** Reads and checks a token. @throws FairleadError `token.malformed`, `file.unreadable` */
export async function readToken(io: Pick<Io, "readInput">, source: string): Promise<TokenText> {
  const { parseToken, readTokenText } = await import("../../site/token.ts");
  const text = source === "-" ? await io.readInput() : await readTokenText(source);
  const { metadata, spec } = parseToken(text, source === "-" ? "Standard input" : source);
  const addresses = spec.links === undefined ? [spec.api] : [spec.api, spec.links];
  const ports = addresses.map((address) => Number(new URL(address).port || 443));
  return { text, expires: metadata.expires, ports: [...new Set(ports)] };
}
