/** Dials a WebSocket at the gateway: mutual TLS, the proxy, and refusals with their codes. */
import type { IncomingMessage } from "node:http";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { type ClientOptions, WebSocket } from "ws";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { type ErrorCode, FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { unlessAborted } from "../async/abort.ts";
import { withTimeout } from "../async/timeout.ts";
import { httpsError } from "./failures.ts";
import { edgeNames } from "./name-resolver.ts";
import { openTunnel, proxyFor, type Tunnel } from "./proxy.ts";

export interface DialOptions {
  /** `wss://…`. */
  readonly url: string;
  /** The only trusted roots, PEM. */
  readonly ca: string | string[];
  /** Site certificate and network CA, PEM. */
  readonly certificate: string;
  /** Private key, PEM. */
  readonly key: string;
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
  const proxy = proxyFor(options.url);
  const tunnel = proxy && openTunnel(proxy);
  const socket = openSocket(options, tunnel);
  const opened = new Promise<WebSocket>((resolve, reject) => {
    // Never removed: an error without a listener would end the process.
    socket.on("error", (error) => reject(socketError(error, options, tunnel)));
    socket.once("unexpected-response", (_, response) => {
      void readRefusal(response, options, tunnel).then(reject);
    });
    socket.once("open", () => {
      socket.pause();
      setImmediate(() => socket.resume());
      resolve(socket);
    });
  });
  const { fallback, signal, timeoutMs, url } = options;
  const late = () => new FairleadError(fallback, `${url} did not answer in time.`);
  const cancelled = () => new FairleadError(fallback, "The dial was cancelled.");
  try {
    return await unlessAborted(withTimeout(opened, timeoutMs, late), signal, cancelled);
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function openSocket(options: DialOptions, tunnel: Tunnel | null): WebSocket {
  const host = new URL(options.url).hostname.replace(/^\[|\]$/g, "");
  // edgeNames keeps look-ups of targets from delaying those of the edge. Through a tunnel, Node 24 would
  // check the certificate against "localhost". The type of checkServerIdentity in @types/ws 8.18 has another
  // signature.
  const identity: object = {
    lookup: edgeNames.lookup,
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  };
  return new WebSocket(options.url, {
    ca: options.ca,
    cert: options.certificate,
    key: options.key,
    minVersion: "TLSv1.3",
    ...identity,
    headers: options.headers,
    perMessageDeflate: false,
    ...options.webSocket,
    agent: tunnel?.agent,
  });
}

/** The error for an upgrade that was answered with a status other than 101. */
async function readRefusal(
  response: IncomingMessage,
  options: DialOptions,
  tunnel: Tunnel | null,
): Promise<FairleadError> {
  const refusedByProxy = proxyRefusal(tunnel);
  if (refusedByProxy) return refusedByProxy;
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
  return new FairleadError(options.fallback, `${options.url} answered with status ${response.statusCode}.`);
}

function socketError(error: Error, options: DialOptions, tunnel: Tunnel | null): FairleadError {
  const refusedByProxy = proxyRefusal(tunnel);
  if (refusedByProxy) return refusedByProxy;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const alert = ALERTS[code];
  if (alert) return new FairleadError(alert, undefined, { cause: error });
  const known = httpsError(error, { url: options.url, proxy: null, timeoutMs: 0 });
  if (known.code === "edge.untrusted") return known;
  if (tunnel && tunnel.answer() === null) {
    return new FairleadError("proxy.failed", `The proxy ${tunnel.origin} cannot be used: ${error.message}.`, {
      cause: error,
    });
  }
  return new FairleadError(options.fallback, `${options.url} cannot be reached: ${error.message}.`, {
    cause: error,
  });
}

function proxyRefusal(tunnel: Tunnel | null): FairleadError | null {
  const status = tunnel?.answer() ?? null;
  if (tunnel === null || status === null || status === 200) return null;
  return new FairleadError(
    "proxy.failed",
    `The proxy ${tunnel.origin} refused the tunnel with status ${status}.`,
  );
}
