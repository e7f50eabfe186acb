/** The responses that the connector makes itself, where no target responds (RFC 9209; docs/protocol.md, "Exchanges"). */
import { ERRORS, type ErrorCode, type FairleadError } from "../../../protocol/errors.ts";
import { fieldOf } from "../../../protocol/exchange/fields.ts";
import type { RequestHead, ResponseHead } from "../../../protocol/exchange/head.ts";
import { CONNECTOR_NAME } from "../../../protocol/exchange/passages.ts";
import type { RequestRefusal } from "./request-refusal.ts";

/** A response with its whole content. */
export interface GatewayResponse {
  readonly head: ResponseHead;
  readonly content: Buffer;
}

/** The type of error in `Proxy-Status`, by code. */
const PROXY_ERRORS: Partial<Record<ErrorCode, string>> = {
  "service.refused": "connection_refused",
  "service.unreachable": "destination_ip_unroutable",
  "service.timeout": "connection_timeout",
  "service.loop": "proxy_loop_detected",
  "service.overloaded": "connection_limit_reached",
  "stream.limit": "connection_limit_reached",
  "exchange.failed": "connection_terminated",
  "exchange.timeout": "connection_read_timeout",
  "exchange.bad_response": "http_protocol_error",
  "exchange.malformed": "http_protocol_error",
  "exchange.too_large": "http_response_header_section_size",
  "stream.internal": "proxy_internal_error",
};

/** Statuses of gRPC. */
const GRPC = { deadline: 4, permission: 7, unimplemented: 12, unavailable: 14 } as const;

/** The status of a response to an error. */
export function statusOf(code: ErrorCode): number {
  if (code === "service.timeout" || code === "exchange.timeout") return 504;
  if (code === "service.loop") return 508;
  if (code.startsWith("exchange.") && code !== "exchange.refused") return 502;
  if (code === "service.refused" || code === "service.unreachable" || code === "service.check_failed")
    return 502;
  return 503;
}

function grpcStatusOf(code: ErrorCode, status: number): number {
  if (status === 504) return GRPC.deadline;
  if (code === "service.forbidden" || code === "service.not_exported") return GRPC.permission;
  if (code === "stream.kind_unsupported") return GRPC.unimplemented;
  return GRPC.unavailable;
}

/** Whether the request is a gRPC call. */
export function isGrpc({ fields }: Pick<RequestHead, "fields">): boolean {
  const type = fieldOf(fields, "content-type");
  return type !== null && /^application\/grpc(?:$|[+;])/i.test(type);
}

/** The fields that end a gRPC call with an error. */
export function grpcTrailers({ code }: FairleadError): string[] {
  const message = grpcText(`${code}: ${ERRORS[code].meaning}`);
  return ["grpc-status", String(grpcStatusOf(code, statusOf(code))), "grpc-message", message];
}

/** The response to a request that failed before a target responded. */
export function responseToError(request: RequestHead, error: FairleadError): GatewayResponse {
  const { code } = error;
  const status = statusOf(code);
  const proxyError =
    PROXY_ERRORS[code] ?? (status === 503 ? "destination_unavailable" : "proxy_internal_error");
  const proxyStatus = `${CONNECTOR_NAME}; error=${proxyError}; details="${code}"`;
  if (isGrpc(request)) {
    const type = ["content-type", "application/grpc"];
    const fields = [...type, ...grpcTrailers(error), "proxy-status", proxyStatus];
    return { head: { status: 200, fields }, content: Buffer.alloc(0) };
  }
  const retry = status === 503 && ERRORS[code].retry ? ["retry-after", "1"] : [];
  return textResponse(status, `${code}: ${ERRORS[code].meaning}`, ["proxy-status", proxyStatus, ...retry]);
}

/** The response to a request that breaks the rules of HTTP. */
export function responseToRefusal({ status, message }: RequestRefusal): GatewayResponse {
  return textResponse(status, message, ["proxy-status", `${CONNECTOR_NAME}; error=http_request_error`]);
}

function textResponse(status: number, text: string, fields: readonly string[]): GatewayResponse {
  const content = Buffer.from(`${text}\n`);
  const all = [
    "content-type",
    "text/plain; charset=utf-8",
    "content-length",
    String(content.length),
    ...fields,
  ];
  return { head: { status, fields: all }, content };
}

/** Text of a `grpc-message`: visible ASCII, everything else percent-encoded. */
function grpcText(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character));
}
