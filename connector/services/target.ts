/** Dialling a service's target. */
import { connect, type Socket } from "node:net";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { LOCAL_SOCKET } from "./sockets.ts";

export const TARGET_TIMEOUT_MS = 10_000;

/**
 * Connects to a target. Half-close works both ways and small writes leave at once.
 * @throws FairleadError service.refused, service.timeout (after `timeoutMs`), service.unreachable.
 */
export function dialTarget(
  target: { readonly host: string; readonly port: number },
  timeoutMs = TARGET_TIMEOUT_MS,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port } = target;
    const socket = connect({ host, port, ...LOCAL_SOCKET });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new FairleadError("service.timeout", `${host}:${port} did not answer within ${timeoutMs / 1000} s`),
      );
    }, timeoutMs);
    const onError = (error: Error) => {
      clearTimeout(timer);
      reject(targetError(error, `${host}:${port}`));
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "service.refused",
  ECONNRESET: "service.refused",
  ETIMEDOUT: "service.timeout",
};

function targetError(error: Error, target: string): FairleadError {
  const name = "code" in error && typeof error.code === "string" ? error.code : "";
  // The text stays without details: it travels to the client's site.
  return new FairleadError(CODES[name] ?? "service.unreachable", `${target}: ${name || error.message}`, {
    cause: error,
  });
}
