/** Connects to the target of a service. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { withTimeout } from "../async/timeout.ts";
import { localSocketOptions } from "../net/local-socket.ts";
import { NameError, type NameResolver, targetNames } from "../net/name-resolver.ts";
import { errnoOf } from "../state/errors.ts";

export const TARGET_TIMEOUT_MS = 10_000;

export interface TargetDialOptions {
  /** How long the target may take to answer, ms; {@link TARGET_TIMEOUT_MS} unless given. */
  readonly timeoutMs?: number;
  /** Cancels the dial, and destroys its socket at once. */
  readonly signal?: AbortSignal;
  /** See {@link localSocketOptions}. */
  readonly keepAliveMs?: number | null | undefined;
  /** Looks up the target's name; {@link targetNames} unless given. */
  readonly names?: NameResolver;
}

/**
 * Connects to a target. Half-close works both ways and small writes leave at once.
 * @throws FairleadError service.refused, service.timeout, service.unreachable; stream.cancelled when aborted.
 */
export async function dialTarget(
  { host, port }: { readonly host: string; readonly port: number },
  { timeoutMs = TARGET_TIMEOUT_MS, signal, keepAliveMs, names = targetNames }: TargetDialOptions = {},
): Promise<Socket> {
  if (signal?.aborted) throw new FairleadError("stream.cancelled");
  const target = `${host}:${port}`;
  const socket = connect({ host, port, lookup: names.lookup, ...localSocketOptions(keepAliveMs) });
  try {
    await withTimeout(once(socket, "connect", { signal }), timeoutMs, () => {
      const why = `The target ${target} did not answer within ${timeoutMs / 1000} s.`;
      return new FairleadError("service.timeout", why);
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal?.aborted ? new FairleadError("stream.cancelled") : targetError(error, target);
  }
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "service.refused",
  ECONNRESET: "service.refused",
  ETIMEDOUT: "service.timeout",
  /** A DNS error. */
  ETIMEOUT: "service.timeout",
};

function targetError(error: unknown, target: string): FairleadError {
  if (error instanceof FairleadError) return error;
  const name = errnoOf(error) ?? "";
  // Without details: the message travels to the client's site.
  const text = error instanceof Error ? error.message : String(error);
  const failure = error instanceof NameError ? `its name could not be looked up (${name})` : name || text;
  return new FairleadError(
    CODES[name] ?? "service.unreachable",
    `The target ${target} cannot be reached: ${failure}.`,
    { cause: error },
  );
}
