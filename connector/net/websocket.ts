/** Dialling a WebSocket on the gateway: mutual TLS, the proxy, and refusals with their codes. */
import type { IncomingMessage } from "node:http";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { type ClientOptions, WebSocket } from "ws";
import { ErrorAnswer } from "../../protocol/api/envelope.ts";
import { type ErrorCode, FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { unlessAborted } from "../async/abort.ts";
import { withTimeout } from "../async/timeout.ts";
import { connectionError } from "./failures.ts";
import { edgeNames } from "./name-resolver.ts";
import { openTunnel, proxyFor, type Tunnel } from "./proxy.ts";

export interface DialOptions {
  /** `wss://…`. */
  readonly url: string;
  /** The only trusted roots, PEM: the deployment CA, and others where a platform answers for the edge. */
  readonly ca: string | string[];
  /** Site certificate and network CA, PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Code of a failure that has none of its own. */
  readonly fallback: ErrorCode;
  /** Until the WebSocket is open, ms. */
  readonly timeoutMs: number;
  /** Further settings of the WebSocket. */
  readonly webSocket?: ClientOptions;
  readonly signal?: AbortSignal;
}

/** A refusal that says to come back later than that is not believed, s. */
const MAX_RETRY_AFTER = 900;

/** Longest body of a refusal that is read, bytes. */
const MAX_REFUSAL = 64 * 1024;

/**
 * What the edge said about our certificate in a TLS alert. Alerts come as OpenSSL error codes; a newer one
 * stays `fallback`.
 */
const ALERTS: Readonly<Record<string, ErrorCode>> = {
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "certificate.expired",
  ERR_SSL_TLSV1_ALERT_CERTIFICATE_EXPIRED: "certificate.expired",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "certificate.required",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "certificate.untrusted",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "certificate.untrusted",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "certificate.untrusted",
};

/**
 * Opens a WebSocket. It is paused when the promise resolves and resumes in the next turn of the event loop,
 * so whoever awaits it can attach listeners and misses no message.
 * @throws FairleadError the refusal's own code, proxy.failed, edge.untrusted, certificate.*, or `fallback`.
 */
export async function dial(options: DialOptions): Promise<WebSocket> {
  const proxy = proxyFor(options.url);
  const tunnel = proxy && openTunnel(proxy);
  const socket = openSocket(options, tunnel);
  const opened = new Promise<WebSocket>((resolve, reject) => {
    // Stays for the socket's whole life: an error without a listener would end the process.
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
  const late = () => new FairleadError(fallback, `${url} did not answer in time`);
  const givenUp = () => new FairleadError(fallback, "given up");
  try {
    return await unlessAborted(withTimeout(opened, timeoutMs, late), signal, givenUp);
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function openSocket(options: DialOptions, tunnel: Tunnel | null): WebSocket {
  const host = new URL(options.url).hostname.replace(/^\[|\]$/g, "");
  // Names of targets that cannot be looked up must not keep the edge's from being.
  // Through a tunnel Node would compare with the name "localhost". The types of ws know another signature.
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
    ...(tunnel ? { agent: tunnel.agent } : {}),
  });
}

/** The error of an upgrade that was answered with another status than 101. */
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
    const answer = ErrorAnswer.safeParse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
    const later = seconds >= 0 && seconds <= MAX_RETRY_AFTER ? { retryAfterMs: seconds * 1000 } : {};
    if (answer.success) return fromErrorBody(answer.data.error, options.fallback, later);
  } catch {
    // No Fairlead edge answers like this; the status is all there is to tell.
  }
  return new FairleadError(options.fallback, `${options.url} answered with status ${response.statusCode}`);
}

function socketError(error: Error, options: DialOptions, tunnel: Tunnel | null): FairleadError {
  const refusedByProxy = proxyRefusal(tunnel);
  if (refusedByProxy) return refusedByProxy;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const alert = ALERTS[code];
  if (alert) return new FairleadError(alert, undefined, { cause: error });
  const known = connectionError(error, { url: options.url, proxy: null, timeoutMs: 0 });
  if (known.code === "edge.untrusted") return known;
  if (tunnel && tunnel.answer() === null) {
    return new FairleadError("proxy.failed", `the proxy ${tunnel.origin} cannot be used: ${error.message}`, {
      cause: error,
    });
  }
  return new FairleadError(options.fallback, `${options.url}: ${error.message}`, { cause: error });
}

function proxyRefusal(tunnel: Tunnel | null): FairleadError | null {
  const status = tunnel?.answer() ?? null;
  if (tunnel === null || status === null || status === 200) return null;
  return new FairleadError(
    "proxy.failed",
    `the proxy ${tunnel.origin} refused the tunnel with status ${status}`,
  );
}
