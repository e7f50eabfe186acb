/**
 * A server before workerd on a machine: that of the public door, or the console's listener on loopback. It ends TLS,
 * limits connections and the time until a request's head has arrived, and forwards requests to a socket of workerd. It
 * speaks HTTP/1.1.
 */

import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps, Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { clientAddress } from "../../../protocol/front/client-address.ts";
import type { Log } from "../../log.ts";
import type { Address } from "../addresses/addresses.ts";
import { listenError } from "../addresses/ports.ts";
import type { Credential } from "../credentials/certificates.ts";
import { type Connection, ConnectionTable, STAGE_MS, type TableLimits } from "./connection-table.ts";
import { Forwarder } from "./forwarder.ts";
import { BACKLOG, EXPIRE_MS, KEEPALIVE_MS } from "./server-settings.ts";

export interface HttpFrontOptions {
  /** What it serves, for the log. */
  readonly name: "door" | "console";
  readonly address: Address;
  /** Path of workerd's Unix socket. */
  readonly socketPath: string;
  /** The server certificate; null to serve plain HTTP. */
  readonly server: Credential | null;
  readonly limits: TableLimits;
  readonly log: Log;
}

/** Longest header of a request, bytes; the door's own limit is 32 KiB. */
const MAX_HEADER = 48 * 1024;

export class HttpFront {
  readonly #options: HttpFrontOptions;
  readonly #table: ConnectionTable;
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Connections by both of their ends, which a TCP socket shares with its TLS socket. */
  readonly #byPorts = new Map<string, Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #expiring: NodeJS.Timeout | undefined;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#table = new ConnectionTable(options.limits);
    const { server } = options;
    const limits = {
      headersTimeout: STAGE_MS.idle,
      // A body may be sent for as long as it continues: the door limits the pause.
      requestTimeout: 0,
      keepAliveTimeout: STAGE_MS.idle,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: MAX_HEADER,
      shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket",
    };
    this.#server =
      server === null
        ? createHttp(limits)
        : createHttps({
            ...limits,
            cert: server.certificate,
            key: server.privateKey,
            minVersion: "TLSv1.2",
            handshakeTimeout: STAGE_MS.handshake,
          });
    const forwarder = new Forwarder({
      socketPath: options.socketPath,
      requests: Math.max(8, Math.floor(options.limits.total / 2)),
      scheme: server === null ? "http" : "https",
    });
    this.#server.on("connection", (socket: Socket) => this.#accept(socket));
    // The TLS socket has the address of the connection below it.
    this.#server.on("secureConnection", (socket: Socket) => this.#share(socket));
    this.#server.on("clientError", (_, socket) => socket.destroy());
    this.#server.on("request", (request: IncomingMessage, answer: ServerResponse) => {
      // A request may take long, and the door limits it.
      this.#move(request.socket, "upgraded");
      answer.once("close", () => this.#move(request.socket, "idle"));
      forwarder.forward(request, answer, platform(request.socket));
    });
    this.#server.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
      this.#move(request.socket, "request");
      forwarder.upgrade(request, client, head, platform(request.socket), () => {
        request.socket.setKeepAlive(true, KEEPALIVE_MS);
        this.#move(request.socket, "upgraded");
      });
    });
  }

  /** Listens. @throws FairleadError edge.port_taken, request.invalid */
  async listen(): Promise<void> {
    const { address, name } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const failed = (error: Error): void => reject(listenError(error, address));
    this.#server.once("error", failed);
    this.#server.listen(
      { host: address.host, port: address.port, backlog: BACKLOG, exclusive: true },
      resolve,
    );
    await promise;
    this.#server.off("error", failed);
    this.#server.on("error", (error) => this.#options.log.debug({}, `The ${name}: ${error.message}`));
    this.#expiring = setInterval(() => this.#table.expire(performance.now()), EXPIRE_MS).unref();
  }

  /** Replaces the certificate for new connections. Does nothing where it serves plain HTTP. */
  setCertificate({ certificate, privateKey }: Credential): void {
    if (this.#server instanceof HttpsServer) {
      this.#server.setSecureContext({ cert: certificate, key: privateKey, minVersion: "TLSv1.2" });
    }
  }

  /** Closes the port and every connection. */
  async close(): Promise<void> {
    clearInterval(this.#expiring);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const address = clientAddress(socket.remoteAddress ?? "unknown");
    const connection = this.#table.admit(address, () => socket.destroy(), performance.now());
    this.#table.move(connection, this.#options.server === null ? "idle" : "handshake", performance.now());
    this.#connections.set(socket, connection);
    this.#sockets.add(socket);
    this.#byPorts.set(portsOf(socket), connection);
    const key = portsOf(socket);
    socket.once("close", () => {
      this.#table.remove(connection);
      this.#sockets.delete(socket);
      if (this.#byPorts.get(key) === connection) this.#byPorts.delete(key);
    });
  }

  #share(socket: Socket): void {
    const connection = this.#byPorts.get(portsOf(socket));
    if (connection === undefined) return;
    this.#connections.set(socket, connection);
    this.#move(socket, "idle");
  }

  #move(socket: Socket, stage: Connection["stage"]): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) this.#table.move(connection, stage, performance.now());
  }
}

const portsOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;

/** The contents of `request.cf`. */
const platform = (socket: Socket): object => ({ clientIp: clientAddress(socket.remoteAddress ?? "unknown") });
