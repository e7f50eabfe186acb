/** Responses of a door: those of targets, and those of the door itself. */
import { FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { contentLength } from "../../protocol/exchange/fields.ts";
import { gatewayError, proxyStatus, retryAfter } from "../../protocol/exchange/gateway-error.ts";
import type { Fields } from "../../protocol/exchange/head.ts";
import { DOOR_NAME } from "../../protocol/exchange/passages.ts";
import type { DoorResponse } from "./door-exchange.ts";
import { DOOR_SOCKET_HEADER } from "./door-request.ts";

/** Statuses with which a Response may not have a body. */
const BODYLESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** The response of a target. */
export function targetResponse({ head, body }: DoorResponse): Response {
  const headers = headersOf(head.fields);
  if (BODYLESS.has(head.status) || body === null) return new Response(null, { status: head.status, headers });
  const length = contentLength(head.fields);
  // The body of another stream is chunked, whatever the headers say.
  const sent = length === null ? body : body.pipeThrough(new FixedLengthStream(length));
  return new Response(sent, { status: head.status, headers, encodeBody: "manual" });
}

function headersOf(fields: Fields): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [name = "", value = ""] = [fields[at], fields[at + 1]];
    if (!LEFT_OUT.has(name)) headers.append(name, value);
  }
  return headers;
}

/** A Worker has no trailers, the client has no way to another protocol, and one field is the door's own. */
const LEFT_OUT: ReadonlySet<string> = new Set(["trailer", "alt-svc", DOOR_SOCKET_HEADER]);

/** The response for an error of the door. Nothing of the network is in it. */
export function doorError(error: FairleadError): Response {
  const { code } = error;
  const headers = new Headers({
    "cache-control": "no-store",
    "proxy-status": proxyStatus(DOOR_NAME, code),
  });
  const { status } = gatewayError(code);
  const seconds = retryAfter(error);
  if (seconds !== null) headers.set("retry-after", String(seconds));
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="fairlead"');
  // The text of an error from inside names sites and targets.
  const shown = new FairleadError(code, code.startsWith("door.") ? error.message : undefined);
  return Response.json({ error: toErrorBody(shown) }, { status, headers });
}
