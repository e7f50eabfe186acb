/** Options of the local sockets: those of clients, and those to targets. */

/** Idle time before the kernel probes a local connection, unless the operator sets another, ms. */
export const DEFAULT_KEEPALIVE_MS = 15_000;

/** Longest idle time that Linux accepts, s. */
export const MAX_KEEPALIVE_SECONDS = 32_767;

/** Options for both `createServer` and `connect`. */
export interface LocalSocketOptions {
  readonly allowHalfOpen: true;
  readonly noDelay: true;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly highWaterMark: number;
}

/**
 * Options with which each direction ends by itself and small writes leave at once. The high water mark lets
 * the bytes of one turn of the event loop leave in one write. The stream's credit, not this buffer, stops a
 * stalled reader.
 *
 * Node sets only the idle time. libuv 1.52 then probes every second and gives up after ten probes, so a
 * vanished host is detected about ten seconds later
 * (https://docs.libuv.org/en/v1.x/tcp.html#c.uv_tcp_keepalive).
 * @param keepAliveMs idle time before the first probe, at least 1,000; null disables probes
 */
export function localSocketOptions(keepAliveMs: number | null = DEFAULT_KEEPALIVE_MS): LocalSocketOptions {
  return {
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: keepAliveMs !== null,
    keepAliveInitialDelay: keepAliveMs ?? 0,
    highWaterMark: 256 * 1024,
  };
}

/** Host and port of a text that {@link formatAddress} made; null for another text. */
export function splitAddress(text: string): { readonly host: string; readonly port: number } | null {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port)) return null;
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
