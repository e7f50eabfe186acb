/**
 * Decides whether a request that failed is sent again (docs/protocol.md, "Retries of requests"). A refusal before ACCEPT
 * is none of this: nothing reached a target, and the next instance is tried in any case.
 */
import type { ErrorCode } from "../../../protocol/errors.ts";

/** Times that a request may be sent after refusals that prove that no target looked at it. */
export const MAX_REFUSALS = 3;

/** Methods that ask for no change, so that a repetition does no harm (RFC 9110 §9.2.1). */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** What is known of a request when it fails. */
export interface FailedRequest {
  readonly method: string;
  /** Whether the request asks for a tunnel or another protocol. */
  readonly isTunnel: boolean;
  /** Whether all its bytes so far are kept. */
  readonly isKept: boolean;
  /** Whether its content was complete. */
  readonly isComplete: boolean;
  /** Whether any head of a response came, a 1xx included. */
  readonly hasResponse: boolean;
  /** Whether the client has left, or the deadline that it set has passed. */
  readonly isOver: boolean;
  /** Times that the request was sent again after a failure that left open whether a target has it. */
  readonly repeats: number;
  /** Times that the request was sent again after a refusal by a target. */
  readonly refusals: number;
}

/** The methods that a service permits beside those that are safe; null permits none where a target may have the request. */
export type PermittedMethods = ReadonlySet<string> | null;

/** Whether the request may be sent again after the failure. The budget is not part of it. */
export function mayRetry(request: FailedRequest, code: ErrorCode, permitted: PermittedMethods): boolean {
  if (request.isOver || request.hasResponse || !request.isKept) return false;
  // The target has proved that it looked at nothing: RST_STREAM REFUSED_STREAM, or a stream above that of its GOAWAY.
  if (code === "exchange.refused") return request.refusals < MAX_REFUSALS;
  if (permitted === null || request.repeats > 0) return false;
  if (request.isTunnel || !request.isComplete) return false;
  return (SAFE.has(request.method) || permitted.has(request.method)) && leavesOpen(code);
}

/**
 * Whether the failure says nothing of the request itself. After a timeout, or a response that is no HTTP, another target
 * would most likely fail in the same way.
 */
function leavesOpen(code: ErrorCode): boolean {
  return code === "exchange.failed" || code === "stream.internal" || /^(session|lane|service)\./.test(code);
}
