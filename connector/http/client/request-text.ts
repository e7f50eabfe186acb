/** The head of a request as HTTP/1.1 writes it (RFC 9112). */
import { fieldOf, joinCookies } from "../../../protocol/exchange/fields.ts";
import type { Fields, RequestHead } from "../../../protocol/exchange/head.ts";

/** How the length of the content is announced. */
export type RequestFraming = "none" | "length" | "chunked" | "tunnel";

/** Methods whose requests without content have no Content-Length. */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);

/** Decides how the length is announced. `ended` says that the request has neither content nor trailers. */
export function framingOf(head: RequestHead, ended: boolean): RequestFraming {
  if (head.protocol !== undefined || head.method === "CONNECT") return "tunnel";
  if (fieldOf(head.fields, "content-length") !== null) return "length";
  return ended ? "none" : "chunked";
}

/** Writes the head. @param webSocketKey the value of Sec-WebSocket-Key, where the request needs one */
export function requestText(head: RequestHead, framing: RequestFraming, webSocketKey: string | null): string {
  const { method, authority, path, protocol } = head;
  const isTunnel = method === "CONNECT" && protocol === undefined;
  // Extended CONNECT of HTTP/2 is a GET with Upgrade in HTTP/1.1 (RFC 8441 §5).
  const verb = method === "CONNECT" && protocol !== undefined ? "GET" : method;
  let text = `${verb} ${isTunnel ? authority : path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  const fields = joinCookies([...head.fields]);
  let connection = protocol === undefined ? "" : "upgrade";
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at];
    if (name === "te") connection = connection === "" ? "te" : `${connection}, te`;
    text += `${name}: ${fields[at + 1]}\r\n`;
  }
  if (connection !== "") text += `connection: ${connection}\r\n`;
  if (protocol !== undefined) text += `upgrade: ${protocol}\r\n`;
  if (webSocketKey !== null) text += `sec-websocket-key: ${webSocketKey}\r\n`;
  if (framing === "chunked") text += "transfer-encoding: chunked\r\n";
  else if (framing === "none" && !WITHOUT_CONTENT.has(method)) text += "content-length: 0\r\n";
  return `${text}\r\n`;
}

/** The end of chunked content. */
export function chunkedEnd(trailers: Fields): string {
  let text = "0\r\n";
  for (let at = 0; at < trailers.length; at += 2) text += `${trailers[at]}: ${trailers[at + 1]}\r\n`;
  return `${text}\r\n`;
}
