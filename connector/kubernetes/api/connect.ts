/** Connections to an API server, each with the certificates of its moment. */
import { buildConnector } from "../../net/undici.ts";
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

type Connect = ReturnType<typeof buildConnector>;

/**
 * Makes connections that read the certificates anew: an authority is replaced while a connector runs, and connections
 * that are open stay.
 * @param timeout of a connection, ms
 */
export function connectTo(address: ApiAddress, timeout: number): Connect {
  let last: { readonly read: string; readonly connect: Connect } | undefined;
  const current = async (): Promise<Connect> => {
    const pem = await certificatesOf(address);
    const read = JSON.stringify(pem);
    if (last?.read !== read) {
      const { serverName, trustsAny = false } = address;
      const connect = buildConnector({
        ...pem,
        timeout,
        rejectUnauthorized: !trustsAny,
        ...(serverName === undefined ? {} : { servername: serverName }),
      });
      last = { read, connect };
    }
    return last.connect;
  };
  return (options, callback) => {
    current().then(
      (connect) => connect(options, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
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
