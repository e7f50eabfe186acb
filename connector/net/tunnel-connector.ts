/** The connector of undici that dials through a proxy. */
import { destinationOf } from "./destination.ts";
import type { ProxyAddress } from "./proxy.ts";
import { openTunnel } from "./tunnel.ts";
import { buildConnector } from "./undici.ts";

/**
 * @param tls options of TLS with the edge; `timeout` is the time limit of the tunnel and of TLS, each, ms
 * @param signal ends dials in flight
 */
export function tunnelConnector(
  proxy: ProxyAddress,
  tls: { readonly ca?: string | string[]; readonly timeout: number },
  signal?: AbortSignal,
): buildConnector.connector {
  const secure = buildConnector(tls);
  return (options, callback) => {
    void openTunnel(proxy, destinationOf(options), { timeoutMs: tls.timeout, signal }).then(
      (httpSocket) => secure({ ...options, httpSocket }, callback),
      (error: Error) => callback(error, null),
    );
  };
}
