/** Connects to the target of a service. */
import { connect, type Socket } from "node:net";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { localSocketOptions } from "../net/local-socket.ts";
import { NameError, type NameResolver, targetNames } from "../net/name-resolver.ts";

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

export interface DialledTarget {
  readonly host: string;
  readonly port: number;
  /** What errors call the target; its host and port unless given. */
  readonly label?: string;
}

/**
 * Connects to a target. Half-close works both ways and small writes leave at once.
 * @throws FairleadError service.refused, service.timeout, service.unreachable; stream.cancelled when aborted.
 */
export function dialTarget(
  target: DialledTarget,
  { timeoutMs = TARGET_TIMEOUT_MS, signal, keepAliveMs, names = targetNames }: TargetDialOptions = {},
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port, label = `${host}:${port}` } = target;
    if (signal?.aborted) {
      reject(new FairleadError("stream.cancelled"));
      return;
    }
    const socket = connect({ host, port, lookup: names.lookup, ...localSocketOptions(keepAliveMs) });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const giveUp = (error: FairleadError) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      giveUp(
        new FairleadError(
          "service.timeout",
          `The target ${label} did not answer within ${timeoutMs / 1000} s.`,
        ),
      );
    }, timeoutMs);
    const onAbort = () => giveUp(new FairleadError("stream.cancelled"));
    signal?.addEventListener("abort", onAbort);
    const onError = (error: Error) => {
      settle();
      reject(targetError(error, label));
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      settle();
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "service.refused",
  ECONNRESET: "service.refused",
  ETIMEDOUT: "service.timeout",
  /** A DNS error. */
  ETIMEOUT: "service.timeout",
  /** Shortages of this machine, which say nothing about the target. */
  EMFILE: "service.overloaded",
  ENFILE: "service.overloaded",
  ENOBUFS: "service.overloaded",
  EADDRNOTAVAIL: "service.overloaded",
};

/** What to do about a target that cannot be reached, by the code of the operating system or of the resolver. */
const ACTIONS: Readonly<Record<string, string>> = {
  ENOTFOUND:
    "Correct the host of the target in --expose, or its entry in the DNS of the site that offers the service.",
  ENODATA:
    "Correct the host of the target in --expose, or its entry in the DNS of the site that offers the service.",
  EAI_AGAIN: "Check the DNS of the site that offers the service: its server did not respond.",
  ESERVFAIL: "Check the DNS of the site that offers the service: its server failed.",
  ETIMEOUT: "Check the DNS of the site that offers the service: its server did not respond.",
  EHOSTUNREACH: "Check the network of the site that offers the service: it has no route to the target.",
  ENETUNREACH: "Check the network of the site that offers the service: it has no route to the target.",
  EADDRNOTAVAIL:
    "The machine of the offering site has no free local port for this target: close connections to it, or widen net.ipv4.ip_local_port_range.",
  EACCES: "The firewall or the policy of the offering site forbids the connection: permit it.",
  EPERM: "The firewall or the policy of the offering site forbids the connection: permit it.",
  EMFILE: "Raise the limit of open files of the offering connector (`ulimit -n`, LimitNOFILE= in systemd).",
};

/** The error of a target that cannot be reached. @param target its host and port */
export function targetError(error: Error, target: string): FairleadError {
  const name = "code" in error && typeof error.code === "string" ? error.code : "";
  // Without details: the message travels to the client's site.
  const why =
    error instanceof NameError ? `its name could not be looked up (${name})` : name || error.message;
  return new FairleadError(
    CODES[name] ?? "service.unreachable",
    `The target ${target} cannot be reached: ${why}.`,
    { cause: error, action: ACTIONS[name] },
  );
}
