/** Reads the head of a request of HTTP/1.1: its target, its framing, and what its connection fields say. */
import { endToEnd, isAuthority } from "../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import type { ParsedRequest } from "./request-parser.ts";
import { RequestRefusal } from "./request-refusal.ts";

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** The scheme of the connection: "http", or "https" over TLS. */
  readonly scheme: string;
  /** Whether the version is HTTP/1.0. */
  readonly isOld: boolean;
}

/** How the end of the content is found. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** The content are the bytes of another protocol. */
  | { readonly kind: "tunnel" };

export interface ParsedHead extends ParsedRequest {
  readonly framing: Framing;
}

/** Fields that the head carries in another place, or that only concern the client's connection. */
const DROPPED: ReadonlySet<string> = new Set(["host"]);
const DROPPED_OF_WEBSOCKETS: ReadonlySet<string> = new Set(["host", "sec-websocket-key"]);

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const TUNNEL: Framing = { kind: "tunnel" };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/** The fields of a head that decide about its connection and its content. */
interface ControlFields {
  host: string | null;
  length: string | null;
  coding: string | null;
  connection: string;
  upgrade: string | null;
  expect: string | null;
  webSocketKey: string | null;
}

/**
 * Reads a head. @param fields the lines: name, value, name, value, names in any case
 * @throws RequestRefusal
 */
export function requestOf(line: RequestLine, fields: readonly string[]): ParsedHead {
  const { method, isOld } = line;
  const control = controlFields(fields);
  if (control.host === null && !isOld) throw bad("The request has no Host.");
  const host = control.host ?? "";
  if (!isAuthority(host)) throw bad("Host is not one name or address with at most a port.");
  const target = targetOf(line, host);
  const connection = control.connection;
  const framing = framingOf(control, isOld);
  const protocol = method === "CONNECT" ? undefined : protocolOf(control, framing, isOld);
  const webSocketKey = protocol === "websocket" ? keyOf(control, method) : null;
  if (control.expect !== null && control.expect !== "100-continue") {
    throw new RequestRefusal(417, "Expect has another value than 100-continue.");
  }
  if (method === "CONNECT" && framing.kind !== "none") throw bad("A CONNECT has no content.");
  const head: RequestHead = {
    ...target,
    method,
    ...(protocol === undefined ? {} : { protocol }),
    fields: endToEnd(fields, webSocketKey === null ? DROPPED : DROPPED_OF_WEBSOCKETS),
  };
  const keepAlive = !has(connection, "close") && (!isOld || has(connection, "keep-alive"));
  const expectsContinue = control.expect !== null && !isOld && framing.kind !== "none";
  const isTunnel = protocol !== undefined || method === "CONNECT";
  return { head, isOld, keepAlive, expectsContinue, webSocketKey, framing: isTunnel ? TUNNEL : framing };
}

function controlFields(fields: readonly string[]): ControlFields {
  const found: ControlFields = {
    ...{ host: null, length: null, coding: null, connection: "", upgrade: null, expect: null },
    webSocketKey: null,
  };
  for (let at = 0; at < fields.length; at += 2) {
    const value = fields[at + 1] ?? "";
    const name = fields[at] ?? "";
    // Most fields are none of these: their length tells without a copy in lower case.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") {
          if (found.host !== null) throw bad("The request has two Host fields.");
          found.host = value;
        }
        break;
      case 6:
        if (name.toLowerCase() === "expect") found.expect = value.toLowerCase();
        break;
      case 7:
        if (name.toLowerCase() === "upgrade") {
          found.upgrade = found.upgrade === null ? value : `${found.upgrade},${value}`;
        }
        break;
      case 10:
        if (name.toLowerCase() === "connection") found.connection += `,${value.toLowerCase()}`;
        break;
      case 14:
        if (name.toLowerCase() === "content-length") {
          if (found.length !== null) throw bad("The request has two Content-Length fields.");
          found.length = value;
        }
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") {
          if (found.coding !== null) throw bad("The request has two Transfer-Encoding fields.");
          found.coding = value.toLowerCase();
        } else if (name.toLowerCase() === "sec-websocket-key") {
          if (found.webSocketKey !== null) throw bad("The request has two keys of a WebSocket.");
          found.webSocketKey = value;
        }
        break;
    }
  }
  return found;
}

function framingOf({ length, coding }: ControlFields, isOld: boolean): Framing {
  if (coding !== null) {
    if (isOld) throw bad("HTTP/1.0 has no Transfer-Encoding.");
    if (length !== null) throw bad("The request has both Content-Length and Transfer-Encoding.");
    if (coding !== "chunked") throw bad("Transfer-Encoding is something else than chunked.");
    return CHUNKED;
  }
  if (length === null) return NONE;
  if (!/^\d{1,15}$/.test(length)) throw bad("Content-Length is not a number.");
  return Number(length) === 0 ? NONE : { kind: "length", length: Number(length) };
}

type Target = Pick<RequestHead, "scheme" | "authority" | "path">;

function targetOf({ method, target, scheme }: RequestLine, host: string): Target {
  if (method === "CONNECT") {
    if (!isAuthority(target) || !/:\d+$/.test(target))
      throw bad("The target of CONNECT is not a host and a port.");
    if (host !== "" && host.toLowerCase() !== target.toLowerCase())
      throw bad("CONNECT and Host name two hosts.");
    return { scheme: "", authority: target, path: "" };
  }
  if (target.startsWith("/")) return { scheme, authority: host, path: target };
  if (target === "*" && method === "OPTIONS") return { scheme, authority: host, path: "*" };
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  const [, authority = "", rest = ""] = match ?? [];
  if (match === null || !isAuthority(authority)) throw bad("The target of the request is malformed.");
  if (authority.toLowerCase() !== host.toLowerCase())
    throw bad("The target of the request and Host name two hosts.");
  return { scheme, authority: host, path: rest.startsWith("/") ? rest : `/${rest}` };
}

/**
 * The protocol that the request switches to. A server may ignore `Upgrade` (RFC 9110 §7.8): that of a request with content,
 * that of HTTP/1.0, a list, `h2c` and TLS are ignored.
 */
function protocolOf(
  { upgrade, connection }: ControlFields,
  framing: Framing,
  isOld: boolean,
): string | undefined {
  if (upgrade === null || isOld || framing.kind !== "none" || !has(connection, "upgrade")) return undefined;
  const protocol = upgrade.toLowerCase();
  if (!TOKEN.test(protocol) || protocol === "h2c" || protocol.startsWith("tls/")) return undefined;
  return protocol === "websocket" ? protocol : upgrade;
}

function keyOf({ webSocketKey }: ControlFields, method: string): string {
  if (method !== "GET") throw bad("A WebSocket begins with GET.");
  if (webSocketKey === null || !WEBSOCKET_KEY.test(webSocketKey)) {
    throw bad("Sec-WebSocket-Key is missing or malformed.");
  }
  return webSocketKey;
}

/** Whether a list in lower case has the member. */
function has(list: string, member: string): boolean {
  if (!list.includes(member)) return false;
  return list.split(",").some((item) => item.trim() === member);
}

const bad = (why: string): RequestRefusal => new RequestRefusal(400, why);
