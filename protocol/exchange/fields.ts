/**
 * The rules for fields that both halves of an exchange keep (RFC 9110 §6.5.1 and §7.6.1, RFC 9113 §8.2;
 * docs/protocol.md, "Exchanges").
 */
import { FairleadError } from "../errors.ts";
import { isClaim } from "./claims.ts";
import type { Fields, RequestHead } from "./head.ts";

const COLON = 0x3a;

/** Fields that are about one connection, which no exchange carries. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Fields that a trailer section must not have: they frame, route, authenticate or change the message before it. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...["age", "authorization", "cache-control", "content-encoding", "content-length", "content-range"],
  ...["content-type", "cookie", "date", "expect", "expires", "forwarded", "host", "if-match"],
  ...["if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards"],
  ...["pragma", "proxy-authenticate", "proxy-authorization", "range", "retry-after", "set-cookie", "te"],
  ...["trailer", "vary", "via", "warning", "www-authenticate"],
]);

/** Fields that a trailer section of a peer must not have. A connector drops the others of its own client or target. */
const REFUSED_IN_TRAILERS: ReadonlySet<string> = new Set(["content-length", "host", "te"]);

/** Whether a trailer section may have the field. @param name in lower case */
export const isTrailerField = (name: string): boolean =>
  !NOT_IN_TRAILERS.has(name) && !CONNECTION_FIELDS.has(name) && !isPseudo(name) && !isClaim(name);

/** Whether a name is that of a pseudo-field. */
export const isPseudo = (name: string): boolean => name.charCodeAt(0) === COLON;

/** The value of a field; null where there is none. Of several lines the first counts. @param name in lower case */
export function fieldOf(fields: Fields, name: string): string | null {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] === name) return fields[index + 1] ?? "";
  }
  return null;
}

function membersOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/**
 * The field lines that an exchange carries: names in lower case, without what is about one connection and what
 * `Connection` names, without pseudo-fields. `TE` stays as `trailers` where it has that member.
 *
 * @param raw lines as Node's `rawHeaders` have them: name, value, name, value, names in any case
 * @param drop further names to leave out, in lower case
 */
export function endToEnd(raw: readonly string[], drop?: ReadonlySet<string>): string[] {
  const fields: string[] = [];
  let named: string[] | null = null;
  let trailers = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    if (isPseudo(name) || drop?.has(name) === true) continue;
    if (name === "connection") {
      named = [...(named ?? []), ...membersOf(raw[index + 1] ?? "")];
    } else if (name === "te") {
      trailers ||= membersOf(raw[index + 1] ?? "").some((member) => /^trailers(?:\s*;|$)/.test(member));
    } else if (!CONNECTION_FIELDS.has(name)) {
      fields.push(name, raw[index + 1] ?? "");
    }
  }
  if (trailers) fields.push("te", "trailers");
  return named === null ? fields : withoutNamed(fields, named);
}

/** Fields that `Connection` may not take away: the message would mean something else without them. */
const KEPT: ReadonlySet<string> = new Set(["content-length", "host", "te"]);

function withoutNamed(fields: string[], named: readonly string[]): string[] {
  // Mostly `Connection` names nothing but `keep-alive`, which is not among the fields.
  const dropped = named.filter((name) => !KEPT.has(name) && !CONNECTION_FIELDS.has(name));
  if (dropped.length === 0) return fields;
  // A client may name thousands.
  const names = new Set(dropped);
  return fields.filter((_, index) => !names.has(fields[index - (index % 2)] ?? ""));
}

/** The trailers that an exchange carries, of the raw lines: fields that may not be trailers are left out. */
export function trailersOf(raw: readonly string[]): string[] {
  const fields: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    if (isTrailerField(name)) fields.push(name, raw[index + 1] ?? "");
  }
  return fields;
}

/** One `cookie` line of several, as HTTP/1.1 needs it (RFC 9113 §8.2.3). The given lines where there is one at most. */
export function joinCookies(fields: string[]): string[] {
  const cookies: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] === "cookie") cookies.push(fields[index + 1] ?? "");
  }
  if (cookies.length < 2) return fields;
  const others = fields.filter((_, index) => fields[index - (index % 2)] !== "cookie");
  return [...others, "cookie", cookies.join("; ")];
}

/**
 * The length that `Content-Length` announces, bytes; null where there is none.
 * @throws FairleadError exchange.malformed when it is no number, or several lines differ.
 */
export function contentLength(fields: Fields): number | null {
  let length: string | null = null;
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] !== "content-length") continue;
    const value = fields[index + 1] ?? "";
    if (!/^\d{1,15}$/.test(value) || (length !== null && length !== value)) {
      throw new FairleadError("exchange.malformed", "Content-Length is not one number.");
    }
    length = value;
  }
  return length === null ? null : Number(length);
}

/** An address as `Forwarded` has it (RFC 7239 §6): IPv6 in brackets and quotes. */
export const forwardedNode = (address: string): string =>
  address.includes(":") ? `"[${address}]"` : address;

/** Host and port: no user, no list, no path (RFC 9110 §7.2). May be empty. */
const AUTHORITY = /^(?:\[[0-9A-Za-z:.%]+\]|[A-Za-z0-9\-._~%!$&'()*+;=\x80-\xff]*)(?::\d{0,5})?$/;

/** Whether the text names a host and perhaps a port. */
export const isAuthority = (text: string): boolean => AUTHORITY.test(text);

/** Whether responses to this request have no content: neither to HEAD nor with this status (RFC 9110 §6.4.1). */
export const hasNoContent = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 304;

/** Whether the content of both messages is a tunnel's bytes from this response on. */
export const isTunnel = ({ method, protocol }: RequestHead, status: number): boolean =>
  protocol === undefined ? method === "CONNECT" && status >= 200 && status < 300 : status === 101;

/**
 * Checks a head's fields as RFC 9113 §8.2 demands: nothing that is about one connection, `te` at most `trailers`.
 * @throws FairleadError exchange.malformed
 */
export function checkFields(fields: Fields, where: "head" | "trailers"): void {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const isRefused =
      CONNECTION_FIELDS.has(name) ||
      (where === "trailers" && REFUSED_IN_TRAILERS.has(name)) ||
      (name === "te" && fields[index + 1]?.toLowerCase() !== "trailers");
    if (isRefused) throw new FairleadError("exchange.malformed", `The ${where} may not have ${name}.`);
  }
}

/** The message with another trace context in its fields. */
export function withTraceparent<Head extends { readonly fields: Fields }>(
  head: Head,
  traceparent: string,
): Head {
  const fields = head.fields.filter((_, at) => head.fields[at - (at % 2)] !== "traceparent");
  return { ...head, fields: [...fields, "traceparent", traceparent] };
}
