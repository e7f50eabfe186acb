/** Recognises the protocol of a connection by the client's first bytes. */
import { METHODS } from "./http1-head.ts";
import { PREFACE } from "./http2-observer.ts";
import { latin1 } from "./latin1.ts";

/** "undecided": the bytes may still become either. */
export type Recognised = "http1" | "http2" | "other" | "undecided";

const SPACE = 0x20;
const MAX_METHOD = Math.max(...[...METHODS.keys()].map((method) => method.length));

/** Decides by the first bytes of a client. A connection of TLS, for example, is "other" by its first byte. */
export function recognise(bytes: Buffer): Recognised {
  const compared = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, compared, 0, compared) === 0) {
    return compared === PREFACE.length ? "http2" : "undecided";
  }
  const most = Math.min(bytes.length, MAX_METHOD + 1);
  for (let at = 0; at < most; at++) {
    const byte = bytes[at] as number;
    if (byte === SPACE) return METHODS.has(latin1(bytes, 0, at)) ? "http1" : "other";
    if (!isMethodByte(byte)) return "other";
  }
  return most > MAX_METHOD ? "other" : "undecided";
}

/** Capitals and the hyphen of M-SEARCH. */
function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d;
}
