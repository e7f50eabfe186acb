/**
 * The head of a request as the door passes it on (docs/protocol.md, "The public door"). Fields that are about one
 * connection, that claim an origin, or that hold the door's own credentials are left out; the door writes the origin.
 */
import { isFairleadField, withDashes } from "../../protocol/exchange/claims.ts";
import { endToEnd, forwardedNode } from "../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../protocol/exchange/head.ts";
import { DOOR_NAME } from "../../protocol/exchange/passages.ts";
import { withoutOwnCookies } from "./cookies.ts";
import { DOOR_KEY_HEADER } from "./credentials.ts";

/** What the Worker knows of a request, beside its head. */
export interface RequestOrigin {
  /** The client's address. */
  readonly client: string;
  readonly scheme: "http" | "https";
  /** Host and perhaps port, as the client named it. */
  readonly authority: string;
  /** Who sends the request, as the edge has verified: `key NAME`, `oidc SUBJECT` or `anyone`. */
  readonly caller: string;
  /** Whether `Authorization` held the door's own credential. */
  readonly ownAuthorization: boolean;
  /** The number of the HTTP version that the client used, where the platform reports it. */
  readonly version: string;
}

/** Fields that claim an origin, or come from the platform between client and door. */
const CLAIMS: ReadonlySet<string> = new Set([
  ...["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"],
  ...["x-real-ip", "x-client-ip", "true-client-ip", "cdn-loop", DOOR_KEY_HEADER],
]);

const isClaim = (name: string): boolean =>
  CLAIMS.has(withDashes(name)) || isFairleadField(name) || name.startsWith("cf-");

/**
 * The head of a request.
 * @param upgrade the protocol that the client wants to switch to; undefined for an ordinary request
 */
export function requestHead(
  request: { readonly method: string; readonly url: string; readonly headers: Headers },
  origin: RequestOrigin,
  upgrade?: string,
): RequestHead {
  const { pathname, search } = new URL(request.url);
  const raw: string[] = [];
  for (const [name, value] of request.headers) {
    if (name === "host" || isClaim(name)) continue;
    if (name === "authorization" && origin.ownAuthorization) continue;
    if (name === "cookie") {
      const kept = withoutOwnCookies(value);
      if (kept !== "") raw.push(name, kept);
    } else if (upgrade === undefined || !isHandshakeField(name)) raw.push(name, value);
  }
  const fields = endToEnd(raw);
  const { client, scheme, authority, caller, version } = origin;
  fields.push("forwarded", `for=${forwardedNode(client)};proto=${scheme};host=${quoted(authority)}`);
  fields.push("x-forwarded-for", client, "x-forwarded-proto", scheme, "x-forwarded-host", authority);
  fields.push("via", `${version} ${DOOR_NAME}`, "fairlead-caller", caller);
  const head = { method: request.method, scheme, authority, path: `${pathname}${search}`, fields };
  return upgrade === undefined ? head : { ...head, protocol: upgrade };
}

/** Fields of a WebSocket's handshake that each connection has for itself. The subprotocols are the client's wish. */
const isHandshakeField = (name: string): boolean =>
  name === "sec-websocket-key" || name === "sec-websocket-version" || name === "sec-websocket-extensions";

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
