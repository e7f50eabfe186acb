/** Connections to an API server, each with the certificates of its moment. */
import { dialServer } from "../../net/dial-server.ts";
import type { Dial } from "../../net/http-client.ts";
import { readText, type TextSource } from "./rotated-file.ts";

/** Where the API server is, how it is known, and how it knows who asks. */
export interface ApiAddress {
  readonly url: string;
  /** Certificates of the authority, PEM; those of Node unless given. */
  readonly ca?: TextSource | undefined;
  /** The name in the server's certificate, where it is not the URL's host. */
  readonly serverName?: string | undefined;
  /** True where a kubeconfig wants that any server is trusted. */
  readonly trustsAny?: boolean | undefined;
  /** Certificate and key of the client, PEM. */
  readonly client?: { readonly certificate: TextSource; readonly key: TextSource } | undefined;
}

/**
 * Makes connections that read the certificates anew: an authority is replaced while a connector runs, and connections
 * that are open stay.
 * @param timeoutMs of a connection
 */
export function dialApi(address: ApiAddress, timeoutMs: number): Dial {
  const url = new URL(address.url);
  const { serverName: servername, trustsAny = false } = address;
  return async (signal) => {
    const certificates = await certificatesOf(address);
    const named = servername === undefined ? {} : { servername };
    const tls = { ...certificates, ...named, rejectUnauthorized: !trustsAny };
    return await dialServer(url, { tls, timeoutMs, signal });
  };
}

async function certificatesOf({ ca, client }: ApiAddress) {
  return {
    ...(ca === undefined ? {} : { ca: await readText(ca) }),
    ...(client === undefined
      ? {}
      : { cert: await readText(client.certificate), key: await readText(client.key) }),
  };
}
