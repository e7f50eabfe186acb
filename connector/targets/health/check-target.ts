/** One check of a target: a connection, and for HTTP and gRPC a request over it. */
import type { Duplex } from "node:stream";
import { asFairleadError, type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { unlessAborted } from "../../async/abort.ts";
import type { HealthCheck } from "../../config/health-options.ts";
import { chosenVersion } from "../../net/target-protocol.ts";
import { grpcProblem } from "./check-grpc.ts";
import { type HttpTarget, httpProblem } from "./check-http.ts";
import type { Failure } from "./target-health.ts";

export interface TargetCheck {
  readonly check: Exclude<HealthCheck, { kind: "off" }>;
  /** The target, `HOST:PORT`, as it is configured. */
  readonly target: string;
  /** Whether the target speaks HTTP/2 unless it chooses otherwise. */
  readonly http2: boolean;
  /** Connects to the target as traffic does. @throws FairleadError service.*, stream.cancelled. */
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
  /** Whether bytes of the connector precede those of the check: the target gets to read them. */
  readonly hasPreamble?: boolean;
  readonly timeoutMs: number;
  /** Ends the check without a result. */
  readonly signal: AbortSignal;
}

/** Codes of a target to which no connection comes about. */
const NO_CONNECTION: readonly ErrorCode[] = [
  ...(["service.refused", "service.timeout", "service.unreachable", "service.tls_failed"] as const),
];

/** Codes that say nothing about a target. */
const NO_VERDICT: readonly ErrorCode[] = ["service.overloaded", "stream.cancelled"];

/**
 * Checks a target once. Returns null for success, the failure, or "unjudged" if the check said nothing about the target:
 * this machine had no descriptor or port for it, or `signal` aborted. Never throws.
 */
export async function checkTarget(options: TargetCheck): Promise<Failure | null | "unjudged"> {
  const { check, target, http2, connect, hasPreamble = false, timeoutMs, signal } = options;
  const ended = new AbortController();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs), ended.signal]);
  const late = () => new FairleadError("stream.cancelled");
  let isConnected = false;
  try {
    const socket = await connect(limit);
    isConnected = true;
    socket.on("error", () => {});
    limit.addEventListener("abort", () => socket.destroy());
    if (limit.aborted) socket.destroy();
    const isHttp2 = chosenVersion(socket, http2) === "2";
    const problem = await unlessAborted(
      problemOf(socket, check, { target, isHttp2, hasPreamble }),
      limit,
      late,
    );
    return problem === null ? null : { error: problem, noConnection: false };
  } catch (thrown) {
    if (signal.aborted) return "unjudged";
    if (limit.aborted) return lateFailure(target, timeoutMs, isConnected);
    return failureOf(thrown instanceof FairleadError ? thrown : unanswered(thrown, target)) ?? "unjudged";
  } finally {
    ended.abort();
  }
}

/** What a failed dial says about its target; null if it says nothing. */
export function failureOf(error: FairleadError): Failure | null {
  if (NO_VERDICT.includes(error.code)) return null;
  return { error, noConnection: NO_CONNECTION.includes(error.code) };
}

function lateFailure(target: string, timeoutMs: number, isConnected: boolean): Failure {
  const code = isConnected ? "service.check_failed" : "service.timeout";
  const text = `The target ${target} did not answer ${isConnected ? "the check " : ""}within ${timeoutMs / 1000} s.`;
  return { error: new FairleadError(code, text), noConnection: !isConnected };
}

function unanswered(thrown: unknown, target: string): FairleadError {
  const { message } = asFairleadError(thrown, "service.check_failed");
  const text = `The target ${target} did not answer the check: ${message.replace(/\.$/, "")}.`;
  return new FairleadError("service.check_failed", text, { cause: thrown });
}

async function problemOf(
  socket: Duplex,
  check: TargetCheck["check"],
  { target, isHttp2, hasPreamble }: HttpTarget & { readonly hasPreamble: boolean },
): Promise<FairleadError | null> {
  if (check.kind === "http") return await httpProblem(socket, check, { target, isHttp2 });
  if (check.kind === "grpc") return await grpcProblem(socket, check, target);
  if (hasPreamble) {
    // A reset would take the PROXY header, or the end of the handshake, away from the server.
    await new Promise<void>((resolve) => socket.end(resolve));
    return null;
  }
  // A reset leaves nothing at the server, which need not notice the connection at all.
  if ("resetAndDestroy" in socket && typeof socket.resetAndDestroy === "function") socket.resetAndDestroy();
  return null;
}
