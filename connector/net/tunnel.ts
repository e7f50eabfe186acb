/** Opens a connection to the edge through a proxy. Each failure is `proxy.failed` with its own action. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, getCACertificates } from "node:tls";
import { FairleadError } from "../../protocol/errors.ts";
import { withTimeout } from "../async/timeout.ts";
import type { Destination } from "./destination.ts";
import { formatAddress } from "./local-socket.ts";
import { edgeNames } from "./name-resolver.ts";
import type { ProxyAddress } from "./proxy.ts";
import { closedEarly, type ProxyAnswer, refusedTunnel, socksFailed, unreachable } from "./proxy-failures.ts";
import { openSocks } from "./socks.ts";

export interface TunnelOptions {
  /** Time limit until the tunnel is open, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** SOCKS5 replies after which another address of the same name is tried: network, host, TTL, address type. */
const ANOTHER_ADDRESS: readonly number[] = [3, 4, 5, 6, 8];

/**
 * Opens a socket to `destination` through `proxy`, on which TLS with the edge begins.
 * @throws FairleadError `proxy.failed`; `edge.unreachable` if the edge's name does not resolve
 */
export async function openTunnel(
  proxy: ProxyAddress,
  destination: Destination,
  { timeoutMs, signal }: TunnelOptions,
): Promise<Socket> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  const late = () => {
    const seconds = Math.round(timeoutMs / 1000);
    return new FairleadError(
      "proxy.failed",
      `The proxy ${proxy.origin} opened no connection to ${formatAddress(destination.host, destination.port)} within ${seconds} s.`,
      {
        action: `Check that the proxy of ${proxy.variable} works, and that it can reach the edge; a proxy of another kind than its URL says may stay silent, too.`,
      },
    );
  };
  try {
    return await withTimeout(open(proxy, destination, stop.signal), timeoutMs, late);
  } catch (error) {
    stop.abort();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function open(proxy: ProxyAddress, destination: Destination, signal: AbortSignal): Promise<Socket> {
  if (proxy.scheme === "http" || proxy.scheme === "https") {
    const socket = await dial(proxy, signal);
    return await openConnect(socket, proxy, destination);
  }
  const hosts = proxy.scheme === "socks5h" ? [destination.host] : await addressesOf(destination.host);
  for (const [at, host] of hosts.entries()) {
    const socket = await dial(proxy, signal);
    const failure = await openSocks(socket, { host, port: destination.port }, proxy.credentials).catch(
      (thrown: unknown) => {
        throw closedEarly(proxy, thrown);
      },
    );
    if (failure === null) return socket;
    socket.destroy();
    const isLast = at === hosts.length - 1;
    if (isLast || failure.kind !== "refused" || !ANOTHER_ADDRESS.includes(failure.reply)) {
      throw socksFailed(proxy, destination, failure);
    }
  }
  throw unresolved(destination.host, "ENOTFOUND");
}

/** Connects to the proxy itself; with TLS if its scheme is https. */
async function dial(proxy: ProxyAddress, signal: AbortSignal): Promise<Socket> {
  const { host, port } = proxy;
  const { lookup } = edgeNames;
  const [socket, ready] =
    proxy.scheme === "https"
      ? [
          connectTls({
            host,
            port,
            lookup,
            ca: systemRoots(),
            ALPNProtocols: ["http/1.1"],
            ...(isIP(host) === 0 ? { servername: host } : {}),
          }),
          "secureConnect",
        ]
      : [connect({ host, port, lookup }), "connect"];
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  if (signal.aborted) socket.destroy();
  // Never removed: once TLS with the edge runs on the socket, errors arrive there.
  socket.on("error", () => {});
  const closed = new AbortController();
  try {
    await Promise.race([
      once(socket, ready, { signal: closed.signal }),
      once(socket, "close", { signal: closed.signal }).then(() => {
        throw Object.assign(new Error("The proxy closed the connection."), { code: "ECONNRESET" });
      }),
    ]);
  } catch (thrown) {
    socket.destroy();
    throw unreachable(proxy, thrown);
  } finally {
    closed.abort();
  }
  socket.setNoDelay(true);
  return socket;
}

/** Asks an HTTP proxy for a tunnel (RFC 9110 §9.3.6). */
async function openConnect(socket: Socket, proxy: ProxyAddress, destination: Destination): Promise<Socket> {
  const path = formatAddress(destination.host, destination.port);
  const headers: Record<string, string> = { host: path };
  if (proxy.credentials !== null) {
    const { user, password } = proxy.credentials;
    headers["proxy-authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
  const asked = request({ method: "CONNECT", path, headers, createConnection: () => socket });
  // Node's default, close, is about the tunnel for some proxies.
  asked.removeHeader("connection");
  asked.end();
  let answer: IncomingMessage;
  let head: Buffer;
  try {
    [answer, , head] = (await once(asked, "connect")) as [IncomingMessage, Socket, Buffer];
  } catch (thrown) {
    socket.destroy();
    throw closedEarly(proxy, thrown);
  }
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) {
    socket.destroy();
    throw refusedTunnel(proxy, destination, answerOf(status, answer));
  }
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function answerOf(status: number, { statusMessage, headers }: IncomingMessage): ProxyAnswer {
  return {
    status,
    reason: statusMessage ?? "",
    challenges: [headers["proxy-authenticate"] ?? []].flat(),
    detail: [headers["x-squid-error"] ?? headers["proxy-status"] ?? []].flat()[0],
  };
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await edgeNames.resolve(host)).map(({ address }) => address);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "ENOTFOUND";
    throw unresolved(host, code);
  }
}

function unresolved(host: string, code: string): FairleadError {
  return new FairleadError("edge.unreachable", `The name ${host} does not resolve (${code}).`, {
    action:
      "Check the name and the DNS of this machine; with socks5h:// instead of socks5:// the proxy resolves it.",
  });
}

let roots: readonly string[] | undefined;

/** The roots that Node trusts by default, and those of the operating system, PEM. */
function systemRoots(): string[] {
  roots ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return [...roots];
}
