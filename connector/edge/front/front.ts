/**
 * The front of the embedded edge: the servers of the API and of the gateway. It terminates TLS, limits the
 * number of connections and the time until a client is authenticated, and forwards requests to workerd.
 * workerd has no such limits (1.20261117, November 2026): a silent connection stays open, and running out of
 * descriptors ends the process.
 */

import { constants, type X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer as createHttps, type Server as HttpsServer, type ServerOptions } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { FairleadError } from "../../../protocol/errors.ts";
import { clientAddress } from "../../../protocol/front/client-address.ts";
import type { FrontStatus, LanePort, StrangerCounts } from "../../../protocol/front/front-status.ts";
import type { Log } from "../../log.ts";
import type { Address } from "../addresses/addresses.ts";
import { listenError } from "../addresses/ports.ts";
import type { Credential } from "../credentials/certificates.ts";
import { MAX_CLIENT_HELLO, readClientHello } from "./client-hello.ts";
import { type Connection, ConnectionTable, STAGE_MS, type TableLimits } from "./connection-table.ts";
import { Forwarder } from "./forwarder.ts";
import { refuse, refuseUpgrade } from "./refusal.ts";
import { BACKLOG, EXPIRE_MS, KEEPALIVE_MS } from "./server-settings.ts";
import { StrangerLog } from "./stranger-log.ts";

export interface FrontOptions {
  readonly api: Address;
  readonly gateway: Address;
  /** Paths of workerd's Unix sockets, by the port at which a request arrives. */
  readonly workerd: { readonly api: string; readonly gateway: string };
  readonly server: Credential;
  /** The only root of client certificates, which the gateway's port requires, PEM. */
  readonly deploymentCa: string;
  readonly limits: TableLimits;
  /** How lanes are dialled at present, for the status. */
  readonly lanes: () => LanePort;
  readonly log: Log;
}

/** Descriptors reserved for files, workerd's pipes and the log. */
const RESERVED_DESCRIPTORS = 128;
/** Most connections, whatever the descriptors allow: each takes memory. */
const MAX_CONNECTIONS = 32_768;
const MAX_PENDING = 2_048;

/** The limits for a process with so many descriptors. A connection takes two: its own, and one to workerd. */
export function connectionLimits(descriptors: number): TableLimits {
  const total = Math.min(MAX_CONNECTIONS, Math.max(16, Math.floor((descriptors - RESERVED_DESCRIPTORS) / 2)));
  const pending = Math.min(MAX_PENDING, Math.floor(total / 2));
  return { total, pending, perClient: Math.max(8, Math.floor(pending / 2)) };
}

/** Longest header of a request, bytes. An assertion may have 16 KiB. */
const MAX_HEADER = 32 * 1024;

type Port = "api" | "gateway";

export class Front {
  readonly #options: FrontOptions;
  readonly #table: ConnectionTable;
  readonly #counts = { failedAccepts: 0, failedHandshakes: 0 };
  readonly #connections = new Map<string, Connection>();
  /** Connections that were found once, by their TLS sockets. */
  readonly #found = new WeakMap<Socket, Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #listening: Server[] = [];
  readonly #tls: HttpsServer[] = [];
  #expiring: NodeJS.Timeout | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#table = new ConnectionTable(options.limits);
  }

  /** Counts of unauthenticated connections since the start. */
  get counts(): StrangerCounts {
    return { ...this.#table.counts, ...this.#counts };
  }

  /** Listens on both ports. @throws FairleadError edge.port_taken, request.invalid */
  async listen(): Promise<void> {
    for (const port of ["api", "gateway"] as const) {
      const tls = this.#serve(port);
      this.#tls.push(tls);
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#accept(socket, tls),
      );
      this.#listening.push(server);
      await listen(server, this.#options[port]);
      // A failed accept. Without descriptors, libuv 1 closes queued connections itself, and reports nothing.
      server.on("error", (error) => this.#failedAccept(error));
    }
    const strangers = new StrangerLog(this.#options.log);
    this.#expiring = setInterval(() => {
      const now = performance.now();
      this.#table.expire(now);
      strangers.note(this.counts, now);
    }, EXPIRE_MS).unref();
  }

  /** Replaces the certificate for new connections. */
  setCertificate(server: Credential): void {
    for (const tls of this.#tls) tls.setSecureContext({ ...this.#context(), ...keyPair(server) });
  }

  /** Closes the ports and every connection. */
  async close(): Promise<void> {
    clearInterval(this.#expiring);
    const closed = this.#listening.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    for (const tls of this.#tls) tls.closeAllConnections();
    await Promise.all(closed);
  }

  #context(): ServerOptions {
    return {
      ca: this.#options.deploymentCa,
      minVersion: "TLSv1.2",
      // A resumed session would present its certificate without proving it again.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  }

  #serve(port: Port): HttpsServer {
    const { limits, workerd, server } = this.#options;
    const forwarder = new Forwarder({ socketPath: workerd[port], requests: Math.ceil(limits.pending / 2) });
    const tls = createHttps({
      ...this.#context(),
      ...keyPair(server),
      // A connection without a good certificate is refused after the handshake, so that the client learns
      // why.
      ...(port === "gateway" ? { requestCert: true, rejectUnauthorized: false } : {}),
      handshakeTimeout: STAGE_MS.handshake,
      headersTimeout: STAGE_MS.idle,
      requestTimeout: STAGE_MS.request,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: MAX_HEADER,
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    });
    tls.on("secureConnection", (socket: TLSSocket) => this.#move(socket, "idle"));
    tls.on("tlsClientError", (error) => {
      this.#counts.failedHandshakes += 1;
      this.#options.log.debug({ port }, `A TLS handshake failed: ${error.message}`);
    });
    tls.on("clientError", (_, socket) => socket.destroy());
    const prove = (socket: Socket): X509Certificate | FairleadError | null => {
      if (port !== "gateway") return null;
      const proven = readClientCertificate(socket);
      if (proven instanceof FairleadError) this.#counts.failedHandshakes += 1;
      return proven;
    };
    tls.on("request", (request, answer) => {
      const { socket } = request;
      this.#move(socket, "request");
      answer.once("close", () => this.#move(socket, "idle"));
      const proven = prove(socket);
      if (proven instanceof FairleadError) refuse(answer, proven);
      else forwarder.forward(request, answer, this.#platform(socket, proven));
    });
    tls.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
      const { socket } = request;
      this.#move(socket, "request");
      const proven = prove(socket);
      if (proven instanceof FairleadError) {
        refuseUpgrade(client, proven);
        return;
      }
      forwarder.upgrade(request, client, head, this.#platform(socket, proven), () => {
        socket.setKeepAlive(true, KEEPALIVE_MS);
        this.#move(socket, "upgraded");
      });
    });
    return tls;
  }

  #accept(socket: Socket, tls: HttpsServer): void {
    const now = performance.now();
    const connection = this.#table.admit(
      clientAddress(socket.remoteAddress ?? "unknown"),
      () => socket.destroy(),
      now,
    );
    const key = keyOf(socket);
    this.#connections.set(key, connection);
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#table.remove(connection);
      this.#sockets.delete(socket);
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
    });
    awaitClientHello(socket, (found) => {
      if (!found) {
        this.#counts.failedHandshakes += 1;
        socket.destroy();
        return;
      }
      this.#table.move(connection, "handshake", performance.now());
      tls.emit("connection", socket);
    });
  }

  #move(socket: Socket, stage: Connection["stage"]): void {
    const connection = this.#connectionOf(socket);
    if (connection !== undefined) this.#table.move(connection, stage, performance.now());
  }

  /** The connection of a TLS socket. The key is built once, since each of its parts is a system call. */
  #connectionOf(socket: Socket): Connection | undefined {
    const known = this.#found.get(socket);
    if (known !== undefined) return known;
    const connection = this.#connections.get(keyOf(socket));
    if (connection !== undefined) this.#found.set(socket, connection);
    return connection;
  }

  /** The contents of `request.cf`: the client certificate as Cloudflare reports it, in strings. */
  #platform(socket: Socket, certificate: X509Certificate | null): object {
    return {
      clientIp: this.#connectionOf(socket)?.address ?? "unknown",
      front: { strangers: this.counts, lanes: this.#options.lanes() } satisfies FrontStatus,
      ...(certificate === null
        ? {}
        : {
            tlsClientAuth: {
              certPresented: "1",
              certVerified: "SUCCESS",
              certRevoked: "0",
              certRFC9440: `:${certificate.raw.toString("base64")}:`,
            },
          }),
    };
  }

  #failedAccept(error: Error): void {
    this.#counts.failedAccepts += 1;
    this.#options.log.debug({}, `A connection could not be accepted: ${error.message}`);
  }
}

/** The client certificate that the handshake proved, signed under the deployment CA; the error without one. */
function readClientCertificate(socket: Socket): X509Certificate | FairleadError {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!(socket instanceof TLSSocket) || certificate === undefined) {
    return new FairleadError("certificate.required");
  }
  if (socket.authorized) return certificate;
  // Node's types (24) call it an Error; it is OpenSSL's code.
  const why = String(socket.authorizationError);
  if (why === "CERT_NOT_YET_VALID") {
    return new FairleadError(
      "certificate.expired",
      "By the edge's clock, the certificate is not valid yet.",
      {
        action:
          "Correct the clock of the edge: it is behind the time at which the edge issued the certificate.",
      },
    );
  }
  return new FairleadError(why === "CERT_HAS_EXPIRED" ? "certificate.expired" : "certificate.untrusted");
}

const keyPair = ({ certificate, privateKey }: Credential) => ({ cert: certificate, key: privateKey });

/**
 * The key of a connection: both ends, which its TCP socket and its TLS socket share with no other connection.
 */
const keyOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(listenError(error, address));
    server.once("error", fail);
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG, exclusive: true }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

/**
 * Waits for a ClientHello, and leaves it in the socket's buffer for TLS. Until then a connection costs its
 * socket only.
 *
 * @param done called once with whether it is one; not called when the socket closes first
 */
function awaitClientHello(socket: Socket, done: (found: boolean) => void): void {
  let held: Buffer = Buffer.alloc(0);
  const settle = (found: boolean) => {
    socket.off("readable", read).off("end", ended);
    if (found) socket.unshift(held);
    done(found);
  };
  const ended = () => settle(false);
  const read = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const state = readClientHello(held);
    if (state === "complete") settle(true);
    else if (state === "other" || held.length > MAX_CLIENT_HELLO) settle(false);
  };
  socket.on("readable", read).once("end", ended);
}
