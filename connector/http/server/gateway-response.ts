/** The responses that the connector makes itself, where no target responds (RFC 9209; docs/protocol.md, "Exchanges"). */
import { ERRORS, type ErrorCode, type FairleadError } from "../../../protocol/errors.ts";
import { gatewayError, proxyStatus, retryAfter } from "../../../protocol/exchange/gateway-error.ts";
import { isGrpc } from "../../../protocol/exchange/grpc.ts";
import type { RequestHead, ResponseHead } from "../../../protocol/exchange/head.ts";
import { CONNECTOR_NAME } from "../../../protocol/exchange/passages.ts";
import type { RequestRefusal } from "./request-refusal.ts";

/** A response with its whole content. */
export interface GatewayResponse {
  readonly head: ResponseHead;
  readonly content: Buffer;
}

/** Statuses of gRPC. */
const GRPC = { deadline: 4, permission: 7, unimplemented: 12, unavailable: 14 } as const;

function grpcStatusOf(code: ErrorCode): number {
  if (gatewayError(code).status === 504) return GRPC.deadline;
  if (code === "service.forbidden" || code === "service.not_exported") return GRPC.permission;
  if (code === "stream.kind_unsupported") return GRPC.unimplemented;
  return GRPC.unavailable;
}

/** The fields that end a gRPC call with an error. */
export function grpcTrailers({ code }: FairleadError): string[] {
  const message = grpcText(`${code}: ${ERRORS[code].meaning}`);
  return ["grpc-status", String(grpcStatusOf(code)), "grpc-message", message];
}

/** The response to a request that failed before a target responded. */
export function responseToError(request: RequestHead, error: FairleadError): GatewayResponse {
  const { code } = error;
  const reason = ["proxy-status", proxyStatus(CONNECTOR_NAME, code)];
  if (isGrpc(request)) {
    const type = ["content-type", "application/grpc"];
    const fields = [...dateNow(), ...type, ...grpcTrailers(error), ...reason];
    return { head: { status: 200, fields }, content: Buffer.alloc(0) };
  }
  const seconds = retryAfter(error);
  const retry = seconds === null ? [] : ["retry-after", String(seconds)];
  return textResponse(gatewayError(code).status, `${code}: ${ERRORS[code].meaning}`, [...reason, ...retry]);
}

/** The response to a request that breaks the rules of HTTP. */
export function responseToRefusal({ status, message }: RequestRefusal): GatewayResponse {
  return textResponse(status, message, ["proxy-status", `${CONNECTOR_NAME}; error=http_request_error`]);
}

function textResponse(status: number, text: string, fields: readonly string[]): GatewayResponse {
  const content = Buffer.from(`${text}\n`);
  const all = [
    ...dateNow(),
    "content-type",
    "text/plain; charset=utf-8",
    "content-length",
    String(content.length),
    ...fields,
  ];
  return { head: { status, fields: all }, content };
}

/** The field that says when the response was made (RFC 9110 §6.6.1). */
function dateNow(): readonly string[] {
  return ["date", new Date().toUTCString()];
}

/** Text of a `grpc-message`: visible ASCII, everything else percent-encoded. */
function grpcText(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character));
}
