/** What an exchange tells of a gRPC call (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
import { fieldOf } from "./fields.ts";
import type { Fields } from "./head.ts";

/** `application/grpc`, with a subtype after `+` or parameters. gRPC-Web is another protocol, over any HTTP. */
const GRPC = /^application\/grpc(?:$|[+;\s])/i;

/** Whether a content type is that of gRPC. */
export function isGrpcType(type: string | null | undefined): boolean {
  return type !== null && type !== undefined && GRPC.test(type);
}

/** Whether a request is a gRPC call. */
export function isGrpc({ fields }: { readonly fields: Fields }): boolean {
  return isGrpcType(fieldOf(fields, "content-type"));
}

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The time that a call may take by its `grpc-timeout`, ms; null when the field is missing or malformed. */
export function grpcTimeoutMs({ fields }: { readonly fields: Fields }): number | null {
  const value = fieldOf(fields, "grpc-timeout");
  const match = value === null ? null : /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return null;
  const unit = UNITS[match[2] ?? ""];
  return unit === undefined ? null : Number(match[1]) * unit;
}
