/**
 * What precedes a service's bytes on a connection to its target: a PROXY header, then a TLS handshake. The files of
 * certificates are read again when they have changed, so that renewed ones need no restart.
 */
import { readFile, stat } from "node:fs/promises";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { FairleadError } from "../../protocol/errors.ts";
import { entryFor, type ProxyProtocol, type TargetTls } from "../config/target-options.ts";
import { reasonOf } from "../files/file-errors.ts";
import type { Log } from "../log.ts";
import { resetTogether } from "../relay/flushed-reset.ts";
import { type ProxyEndpoint, proxyHeaderV1, proxyHeaderV2 } from "./proxy-header.ts";

/** What a connection is for. */
export interface PreambleUse {
  /** The host of the target, as the configuration names it. */
  readonly host: string;
  /** The client's address; null where this side does not know it. */
  readonly client: ProxyEndpoint | null;
  /** The calling site; null for a connection of the connector's own. */
  readonly site: { readonly id: string; readonly name: string } | null;
  /** Protocols for ALPN, the preferred one first; empty for none. */
  readonly protocols: readonly string[];
  /** How long the handshake may take, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface TargetPreambleOptions {
  readonly targetTls: readonly TargetTls[];
  readonly proxyProtocol: readonly ProxyProtocol[];
}

/** The preamble of the connections for one port of a service. */
export interface TargetPreamble {
  /** Whether a connection belongs to one client, because its header names that client. */
  readonly namesClient: boolean;
  readonly hasTls: boolean;
  /** Tells preambles from each other: connections with another one are not used. */
  readonly key: string;
  /**
   * Prepares a connection that was just made. Returns the socket to use, and destroys the connection when it fails.
   * @throws FairleadError service.tls_failed, file.unreadable, stream.cancelled
   */
  prepare(socket: Socket, use: PreambleUse): Promise<Socket>;
}

export class TargetPreambles {
  #options: TargetPreambleOptions = { targetTls: [], proxyProtocol: [] };
  readonly #log: Log;
  /** Contexts by their option, with the state of the files that they were made from. */
  readonly #contexts = new Map<TargetTls, { readonly files: string; readonly context: SecureContext }>();

  constructor(options: TargetPreambleOptions, log: Log) {
    this.#log = log;
    this.configure(options);
  }

  /** Replaces the options. Connections that are open keep what they began with. */
  configure({ targetTls, proxyProtocol }: TargetPreambleOptions): void {
    this.#options = { targetTls, proxyProtocol };
    this.#contexts.clear();
    for (const { name: service, isInsecure } of targetTls) {
      if (!isInsecure) continue;
      this.#log.warn({ service }, INSECURE);
    }
  }

  /** The preamble for a port of a service; null where its bytes come first. */
  of(service: string, port: number | null): TargetPreamble | null {
    const { targetTls, proxyProtocol } = this.#options;
    if (targetTls.length === 0 && proxyProtocol.length === 0) return null;
    const tls = entryFor(targetTls, service, port);
    const proxy = entryFor(proxyProtocol, service, port);
    if (tls === null && proxy === null) return null;
    return {
      namesClient: proxy !== null,
      hasTls: tls !== null,
      key: JSON.stringify([tls, proxy]),
      prepare: async (socket, use) => {
        if (proxy !== null) socket.write(header(socket, proxy, use));
        if (tls === null) return socket;
        try {
          return await this.#secure(socket, tls, use);
        } catch (error) {
          socket.destroy();
          throw error;
        }
      },
    };
  }

  async #secure(socket: Socket, tls: TargetTls, use: PreambleUse): Promise<TLSSocket> {
    const { host, protocols, timeoutMs, signal } = use;
    const context = await this.#context(tls);
    const name = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
    const secure = connectTls({
      socket,
      secureContext: context,
      host,
      ...(name === undefined ? {} : { servername: name }),
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
      rejectUnauthorized: !tls.isInsecure,
    });
    await new Promise<void>((resolve, reject) => {
      const settle = (error: FairleadError | null) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancelled);
        for (const [event, listener] of events) secure.off(event, listener);
        if (error === null) {
          resolve();
          return;
        }
        secure.on("error", () => {});
        secure.destroy();
        reject(error);
      };
      const cancelled = () => settle(new FairleadError("stream.cancelled"));
      const closed = () => settle(failed(host, "the target closed the connection"));
      const events = [
        ["secureConnect", () => settle(null)],
        ["error", (error: Error) => settle(failed(host, reasonOfTls(error), error))],
        ["end", closed],
        ["close", closed],
      ] as const;
      for (const [event, listener] of events) secure.on(event, listener);
      const timer = setTimeout(
        () => settle(failed(host, `the target did not respond within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      if (signal.aborted) cancelled();
      else signal.addEventListener("abort", cancelled);
    });
    resetTogether(secure, socket);
    return secure;
  }

  /** The certificates of an option, as its files have them now. @throws FairleadError service.tls_failed */
  async #context(tls: TargetTls): Promise<SecureContext> {
    const paths = [tls.ca, tls.certificate?.cert, tls.certificate?.key];
    const files = (await Promise.all(paths.map(stateOf))).join();
    const known = this.#contexts.get(tls);
    if (known?.files === files) return known.context;
    const [ca, cert, key] = await Promise.all(paths.map(read));
    try {
      const context = createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" });
      this.#contexts.set(tls, { files, context });
      return context;
    } catch (error) {
      throw new FairleadError(
        "service.tls_failed",
        `The files of --target-tls are no certificates or do not belong together: ${reasonOf(error)}.`,
        {
          cause: error,
          action: ACTION_FILES,
        },
      );
    }
  }
}

const INSECURE =
  "The certificates of the targets are not checked: a machine on the way to them can read and alter the traffic.";

const ACTION_FILES = "Correct the files that --target-tls names, at the site that offers the service.";

function header(socket: Socket, { version }: ProxyProtocol, { client, site }: PreambleUse): Buffer {
  const destination = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
  const content = { source: client, destination, site };
  return version === "v1" ? proxyHeaderV1(content) : proxyHeaderV2(content);
}

/** When a file was changed last; "" where the option names none. */
async function stateOf(path: string | undefined): Promise<string> {
  if (path === undefined) return "";
  const { mtimeMs, size, ino } = await stat(path).catch((error: unknown) => {
    throw unreadableFile(path, error);
  });
  return `${mtimeMs}/${size}/${ino}`;
}

async function read(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return await readFile(path, "utf8").catch((error: unknown) => {
    throw unreadableFile(path, error);
  });
}

function unreadableFile(path: string, error: unknown): FairleadError {
  return new FairleadError(
    "service.tls_failed",
    `The file ${path} of --target-tls cannot be read: ${reasonOf(error)}.`,
    {
      cause: error,
      action: ACTION_FILES,
    },
  );
}

/** Why a certificate is not taken, by the code of OpenSSL or Node. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "no CA that is trusted signed its certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "no CA that is trusted signed its certificate",
  UNABLE_TO_GET_ISSUER_CERT: "no CA that is trusted signed its certificate",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "no CA that is trusted signed its certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "no CA that is trusted signed its certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate has another name",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS",
  ECONNRESET: "the target closed the connection",
};

function reasonOfTls(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return REASONS[code] ?? (code || error.message);
}

function failed(host: string, why: string, cause?: Error): FairleadError {
  // Without details: the message travels to the client's site.
  return new FairleadError("service.tls_failed", `TLS with the target ${host} failed: ${why}.`, { cause });
}
