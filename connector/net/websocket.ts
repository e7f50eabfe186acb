/** Dials a WebSocket at the gateway or the API: TLS, mutual at the gateway, the proxy, and refusals with their codes. */
import type { IncomingMessage } from "node:http";
import { isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { type ClientOptions, WebSocket } from "ws";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { type ErrorCode, FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { unlessAborted } from "../async/abort.ts";
import { withTimeout } from "../async/timeout.ts";
import { destinationOf } from "./destination.ts";
import { dialAction, foreignAnswerAction, httpsError } from "./failures.ts";
import { edgeNames } from "./name-resolver.ts";
import { type ProxyAddress, proxyFor } from "./proxy.ts";
import { openTunnel } from "./tunnel.ts";

export interface DialOptions {
  /** `wss://…`. */
  readonly url: string;
  /** The only trusted roots, PEM; the system's unless given. */
  readonly ca?: string | string[] | undefined;
  /** Site certificate and network CA, PEM; none unless given. */
  readonly certificate?: string;
  /** Private key of the certificate, PEM. */
  readonly key?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Code of a failure without a code of its own. */
  readonly fallback: ErrorCode;
  /** Time limit until the WebSocket is open, ms. */
  readonly timeoutMs: number;
  /** Further options of the WebSocket. */
  readonly webSocket?: ClientOptions;
  readonly signal?: AbortSignal;
}

/** Longest Retry-After that is honoured, s. */
const MAX_RETRY_AFTER = 900;

/** Longest body of a refusal that is read, bytes. */
const MAX_REFUSAL = 64 * 1024;

/** TLS alerts about this side's certificate, by OpenSSL error code. Other alerts become `fallback`. */
const ALERTS: Readonly<Record<string, ErrorCode>> = {
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "certificate.expired",
  ERR_SSL_TLSV1_ALERT_CERTIFICATE_EXPIRED: "certificate.expired",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "certificate.required",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "certificate.untrusted",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "certificate.untrusted",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "certificate.untrusted",
};

/**
 * Opens a WebSocket. The promise resolves with a paused socket, which resumes in the next turn of the event
 * loop. A caller that attaches its listeners at once misses no message.
 * @throws FairleadError the code of the refusal, `proxy.failed`, `edge.untrusted`, `certificate.*` or
 * `fallback`
 */
export async function dialWebSocket(options: DialOptions): Promise<WebSocket> {
  const { fallback, signal, timeoutMs, url } = options;
  const proxy = proxyFor(url);
  const started = performance.now();
  const tunnel = proxy && (await tunnelTo(options, proxy));
  const socket = openSocket(options, tunnel);
  const opened = new Promise<WebSocket>((resolve, reject) => {
    // Never removed: an error without a listener would end the process.
    socket.on("error", (error) => reject(socketError(error, options)));
    socket.once("unexpected-response", (_, response) => {
      void readRefusal(response, options).then(reject);
    });
    socket.once("open", () => {
      socket.pause();
      setImmediate(() => socket.resume());
      resolve(socket);
    });
  });
  const late = () =>
    new FairleadError(fallback, `${url} did not answer in time.`, {
      action:
        "Check that the edge runs and that the firewalls on the path permit the address and port; the connector tries again.",
    });
  const leftMs = Math.max(1, timeoutMs - (performance.now() - started));
  try {
    return await unlessAborted(withTimeout(opened, leftMs, late), signal, cancelled(options));
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

const cancelled =
  ({ fallback }: DialOptions) =>
  () =>
    new FairleadError(fallback, "The dial was cancelled.");

async function tunnelTo(options: DialOptions, proxy: ProxyAddress): Promise<Socket> {
  const { timeoutMs, signal } = options;
  return await unlessAborted(
    openTunnel(proxy, destinationOf(new URL(options.url)), { timeoutMs, signal }),
    signal,
    cancelled(options),
  );
}

function openSocket(options: DialOptions, tunnel: Socket | null): WebSocket {
  const { host } = destinationOf(new URL(options.url));
  // Without an agent, Node takes the connection of createConnection, which `ws` lets options replace.
  const path: object =
    tunnel === null
      ? // edgeNames keeps look-ups of targets from delaying those of the edge.
        { lookup: edgeNames.lookup }
      : {
          createConnection: (tls: ConnectionOptions) =>
            connectTls({
              ...tls,
              host,
              path: undefined,
              servername: isIP(host) === 0 ? host : "",
              socket: tunnel,
            }),
        };
  return new WebSocket(options.url, {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.certificate === undefined ? {} : { cert: options.certificate, key: options.key }),
    minVersion: "TLSv1.3",
    headers: options.headers,
    perMessageDeflate: false,
    ...options.webSocket,
    ...path,
  });
}

/** The error for an upgrade that was answered with a status other than 101. */
async function readRefusal(response: IncomingMessage, options: DialOptions): Promise<FairleadError> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_REFUSAL) break;
      chunks.push(chunk);
    }
    const answer = ErrorResponse.safeParse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
    const later = seconds >= 0 && seconds <= MAX_RETRY_AFTER ? { retryAfterMs: seconds * 1000 } : {};
    if (answer.success) return fromErrorBody(answer.data.error, options.fallback, later);
  } catch {
    // This is not the answer of a Fairlead edge. Only its status is reported.
  }
  const status = response.statusCode ?? 0;
  return new FairleadError(options.fallback, `${options.url} answered with status ${status}.`, {
    action: foreignAnswerAction(status),
  });
}

function socketError(error: Error, options: DialOptions): FairleadError {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const alert = ALERTS[code];
  if (alert) return new FairleadError(alert, undefined, { cause: error });
  const known = httpsError(error, { url: options.url, proxy: null, timeoutMs: 0, caller: "site" });
  if (known.code === "edge.untrusted") return known;
  return new FairleadError(options.fallback, `${options.url} cannot be reached: ${error.message}.`, {
    cause: error,
    action: dialAction(error),
  });
}
