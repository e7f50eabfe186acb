/** Opens a connection to an HTTP server: directly or through a proxy, with TLS for an `https:` URL. */
import { once } from "node:events";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, createSecureContext } from "node:tls";
import { destinationOf } from "./destination.ts";
import type { ProxyAddress } from "./proxy.ts";
import { openTunnel } from "./tunnel.ts";

/** Idle time after which the system asks whether the server is still there, ms. */
const KEEP_ALIVE_MS = 60_000;

export interface DialOptions {
  /** Time limit of the connection with TLS, ms; through a proxy, of the tunnel and of TLS, each. */
  readonly timeoutMs: number;
  /** Ends the dial. */
  readonly signal: AbortSignal;
  readonly tls?: Pick<ConnectionOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
  /** The proxy on the way; null for a direct connection, the default. */
  readonly proxy?: ProxyAddress | null;
  /** Node's look-up of names unless given. A proxy has its own. */
  readonly lookup?: LookupFunction;
}

/**
 * Connects to the server of a URL.
 * @throws FairleadError `proxy.failed`, and `edge.unreachable` when a name for a SOCKS5 proxy does not resolve; an error
 * of Node with its code, ETIMEDOUT after the time limit
 */
export async function dialServer(url: URL, options: DialOptions): Promise<Socket> {
  const { proxy = null, lookup, timeoutMs, signal } = options;
  const destination = destinationOf(url);
  // Before the tunnel is open, since it throws for certificates that cannot be read.
  const secure = url.protocol === "https:" ? secureOptions(destination.host, options.tls) : null;
  const tunnel = proxy === null ? undefined : await openTunnel(proxy, destination, { timeoutMs, signal });
  const [socket, ready] =
    secure === null
      ? [connect({ ...destination, lookup }), "connect"]
      : [connectTls({ ...destination, lookup, socket: tunnel, ...secure }), "secureConnect"];
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const timer = setTimeout(() => socket.destroy(late(url, timeoutMs)), timeoutMs);
  try {
    await once(socket, ready, { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Options of TLS with a server. @throws Error of Node for certificates or a key that cannot be read */
function secureOptions(host: string, tls: DialOptions["tls"] = {}): ConnectionOptions {
  const { ca, cert, key, ...verification } = tls;
  return {
    secureContext: createSecureContext({ ca, cert, key }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ["http/1.1"],
    ...verification,
  };
}

const late = ({ host }: URL, timeoutMs: number) =>
  Object.assign(new Error(`${host} did not accept a connection within ${timeoutMs} ms.`), {
    code: "ETIMEDOUT",
  });
