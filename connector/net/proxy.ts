/** The HTTP proxy that the environment names: HTTPS_PROXY, NO_PROXY and their lower-case forms. */
import { HttpsProxyAgent } from "https-proxy-agent";
import { getProxyForUrl } from "proxy-from-env";
import { FairleadError } from "../../protocol/errors.ts";
import { edgeNames } from "./name-resolver.ts";

/**
 * The proxy for a `wss:` or `https:` URL; null for a direct connection.
 * @throws FairleadError `proxy.failed`
 */
export function proxyFor(url: string, lookup: (url: string) => string = getProxyForUrl): URL | null {
  // proxy-from-env would look for WSS_PROXY.
  const proxy = lookup(url.replace(/^wss:/, "https:"));
  if (proxy === "") return null;
  const parsed = URL.parse(proxy);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new FairleadError("proxy.failed", "The value of HTTPS_PROXY is not the URL of an HTTP proxy.");
  }
  return parsed;
}

/** A tunnel through a proxy, for one connection. */
export interface Tunnel {
  readonly agent: HttpsProxyAgent<string>;
  /** Origin of the proxy, without credentials. */
  readonly origin: string;
  /** Status of the proxy's answer to CONNECT; null before the answer. */
  readonly answer: () => number | null;
}

export function openTunnel(proxy: URL): Tunnel {
  const agent = new HttpsProxyAgent<string>(proxy, { lookup: edgeNames.lookup });
  let status: number | null = null;
  agent.on("proxyConnect", (connect: { statusCode: number }) => {
    status = connect.statusCode;
  });
  return { agent, origin: proxy.origin, answer: () => status };
}
