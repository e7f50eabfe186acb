/** Reads the head of a request of HTTP/2. The library has refused what RFC 9113 calls malformed by itself. */
import { endToEnd, isAuthority, joinCookies } from "../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { RequestRefusal } from "./request-refusal.ts";

const DROPPED: ReadonlySet<string> = new Set(["host"]);
const DROPPED_OF_WEBSOCKETS: ReadonlySet<string> = new Set(["host", "sec-websocket-key"]);

/**
 * Reads a head. @param raw lines as the library gives them: name, value, name, value, with the pseudo-fields
 * @throws RequestRefusal with the status 400 where the stream must be reset with PROTOCOL_ERROR.
 */
export function http2Request(raw: readonly string[]): RequestHead {
  let method = "";
  let scheme = "";
  let authority: string | null = null;
  let host: string | null = null;
  let path = "";
  let protocol: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at + 1] ?? "";
    switch (raw[at]) {
      case ":method":
        method = value;
        break;
      case ":scheme":
        scheme = value;
        break;
      case ":authority":
        authority = value;
        break;
      case ":path":
        path = value;
        break;
      case ":protocol":
        protocol = value;
        break;
      case "host":
        if (host !== null && host !== value) throw bad("The request has two Host fields.");
        host = value;
        break;
    }
  }
  if (authority !== null && host !== null && authority.toLowerCase() !== host.toLowerCase()) {
    throw bad("The authority and Host name two hosts.");
  }
  const named = authority ?? host ?? "";
  if (!isAuthority(named)) throw bad("The authority is not one name or address with at most a port.");
  const isTunnel = method === "CONNECT" && protocol === undefined;
  if (isTunnel && named === "") throw bad("A CONNECT has no authority.");
  if (!isTunnel && !/^\/[!"$-~\x80-\xff]*$/.test(path) && !(path === "*" && method === "OPTIONS")) {
    throw bad("The path is malformed.");
  }
  if (!isTunnel && scheme !== "http" && scheme !== "https")
    throw bad("The scheme is neither http nor https.");
  const fields = joinCookies(endToEnd(raw, protocol === "websocket" ? DROPPED_OF_WEBSOCKETS : DROPPED));
  const target = isTunnel ? { scheme: "", path: "" } : { scheme, path };
  return { ...target, method, authority: named, fields, ...(protocol === undefined ? {} : { protocol }) };
}

const bad = (why: string): RequestRefusal => new RequestRefusal(400, why);
