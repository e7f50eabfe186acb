/** How connections of clients and to targets are made: the one place for the options of both local legs. */

/** How long a local connection is idle before the kernel probes it, unless the operator says otherwise, ms. */
export const DEFAULT_KEEPALIVE_MS = 15_000;

/** Longest idle time that Linux takes, s. */
export const MAX_KEEPALIVE_SECONDS = 32_767;

/** Options of a local socket, for `createServer` and `connect` alike. */
export interface LocalSocketOptions {
  readonly allowHalfOpen: true;
  readonly noDelay: true;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly highWaterMark: number;
}

/**
 * Each direction ends by itself, and small writes leave at once. The high water mark lets what comes in one turn of
 * the event loop leave in one write; a reader that stalls is held back by its stream's credit.
 *
 * Node sets the idle time only. libuv 1.52 probes every second after it and gives up after ten probes, so a vanished
 * host is noticed about ten seconds later (https://docs.libuv.org/en/v1.x/tcp.html#c.uv_tcp_keepalive).
 * @param keepAliveMs idle time before the first probe, at least 1,000; null sends no probes
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

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
