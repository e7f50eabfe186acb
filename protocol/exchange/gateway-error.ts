/**
 * How the client of a request sees an error of the path to its target: the status of the response, and the type in
 * `Proxy-Status` (RFC 9209 §2.3). Connectors and doors answer by the same table (docs/protocol.md, "Exchanges").
 */
import { ERRORS, type ErrorCode, type FairleadError } from "../errors.ts";

/** An error as HTTP names it. */
export interface GatewayError {
  readonly status: number;
  /** A type of the registry of RFC 9209. */
  readonly type: ProxyErrorType;
}

/** The types of RFC 9209 §2.3 that Fairlead uses. */
export type ProxyErrorType =
  | "connection_limit_reached"
  | "connection_read_timeout"
  | "connection_refused"
  | "connection_terminated"
  | "connection_timeout"
  | "destination_ip_unroutable"
  | "destination_not_found"
  | "destination_unavailable"
  | "http_protocol_error"
  | "http_request_denied"
  | "http_request_error"
  | "http_response_header_section_size"
  | "proxy_configuration_error"
  | "proxy_internal_error"
  | "proxy_loop_detected"
  | "tls_protocol_error";

const row = (status: number, type: ProxyErrorType): GatewayError => ({ status, type });

/** Nobody can take the request at the moment. */
const UNAVAILABLE = row(503, "destination_unavailable");
const FULL = row(503, "connection_limit_reached");
/** The session broke, and a target may have the request. */
const BROKEN = row(502, "connection_terminated");

const ROWS: Partial<Record<ErrorCode, GatewayError>> = {
  "exchange.refused": UNAVAILABLE,
  "exchange.failed": BROKEN,
  "exchange.timeout": row(504, "connection_read_timeout"),
  "exchange.bad_response": row(502, "http_protocol_error"),
  "exchange.malformed": row(502, "http_protocol_error"),
  "exchange.too_large": row(502, "http_response_header_section_size"),
  "service.refused": row(502, "connection_refused"),
  "service.timeout": row(504, "connection_timeout"),
  "service.unreachable": row(502, "destination_ip_unroutable"),
  "service.tls_failed": row(502, "tls_protocol_error"),
  "service.check_failed": row(502, "destination_unavailable"),
  "service.loop": row(508, "proxy_loop_detected"),
  "service.overloaded": FULL,
  "stream.limit": FULL,
  "stream.overloaded": FULL,
  "stream.cancelled": BROKEN,
  "stream.internal": row(502, "proxy_internal_error"),
  "session.limit": FULL,
  "session.overloaded": FULL,
  "session.lost": BROKEN,
  "session.closed": BROKEN,
  "session.replaced": BROKEN,
  "session.revoked": BROKEN,
  "session.tampered": BROKEN,
  "session.malformed": BROKEN,
  "session.too_large": BROKEN,
  "session.out_of_order": BROKEN,
  "session.credit": BROKEN,
  "connector.descriptors": FULL,
  "door.unknown_host": row(421, "destination_not_found"),
  "door.unavailable": UNAVAILABLE,
  "door.overloaded": FULL,
  "door.no_websocket": row(501, "http_request_error"),
  "door.failed": row(502, "http_protocol_error"),
  "door.timeout": row(504, "connection_read_timeout"),
  "edge.misconfigured": row(500, "proxy_configuration_error"),
};

/** Families of codes whose status in the table of errors is meant for the client itself; errors of the edge are, too. */
const OWN = ["door.", "key.", "oidc.", "request."] as const;

/** The status and the type for a code. */
export function gatewayError(code: ErrorCode): GatewayError {
  const known = ROWS[code];
  if (known !== undefined) return known;
  const { status } = ERRORS[code];
  const isOwn = OWN.some((family) => code.startsWith(family)) || (code.startsWith("edge.") && status >= 500);
  if (!isOwn) return UNAVAILABLE;
  if (status === 401 || status === 403) return row(status, "http_request_denied");
  return row(status, status < 500 ? "http_request_error" : "proxy_internal_error");
}

/** The value of `Proxy-Status` for an error. @param proxy the name of the one that answers */
export function proxyStatus(proxy: string, code: ErrorCode): string {
  return `${proxy}; error=${gatewayError(code).type}; details="${code}"`;
}

/** The value of `Retry-After` for an error, s; null where it is no use to try again soon. */
export function retryAfter({ code, retryAfterMs }: FairleadError): number | null {
  if (retryAfterMs !== undefined) return Math.max(1, Math.ceil(retryAfterMs / 1000));
  const { status } = gatewayError(code);
  return (status === 503 || status === 429) && ERRORS[code].retry ? 1 : null;
}
