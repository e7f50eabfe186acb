/** A listener whose clients are served by an HTTP server, with a peer in place of sessions. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { HttpServer, type HttpServerOptions } from "../../../connector/http/server/http-server.ts";
import { SERVER_LIMITS, type ServerLimits } from "../../../connector/http/server/server-limits.ts";
import { acceptTls } from "../../../connector/listeners/tls/accept-tls.ts";
import type { RequestReport } from "../../../connector/relay/request-report.ts";
import { eventually } from "../clock/eventually.ts";
import { ExchangePeer, mirror, type PeerRequest } from "./exchange-peer.ts";
import { testRelay } from "./test-relay.ts";

export class HttpListener {
  readonly server: HttpServer;
  readonly peer: ExchangePeer;
  readonly port: number;
  readonly reports: RequestReport[];
  readonly #listener: Server;
  readonly #clients = new Set<Socket>();
  /** The server's ends of the connections, in the order in which they were made. */
  readonly #accepted: Socket[];

  private constructor(
    server: HttpServer,
    peer: ExchangePeer,
    listener: Server,
    reports: RequestReport[],
    accepted: Socket[],
  ) {
    this.server = server;
    this.#accepted = accepted;
    this.peer = peer;
    this.reports = reports;
    this.#listener = listener;
    const address = listener.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
  }

  static async start(
    handle: (request: PeerRequest) => void = mirror,
    {
      limits = {},
      tls,
      ...options
    }: { limits?: Partial<ServerLimits>; tls?: SecureContext } & Partial<
      Omit<HttpServerOptions, "limits">
    > = {},
  ): Promise<HttpListener> {
    const peer = new ExchangePeer(handle);
    const relay = testRelay();
    const reports: RequestReport[] = [];
    relay.requests.add({ requestEnded: (report) => void reports.push(report) });
    const server = new HttpServer({
      opener: peer,
      relay,
      ...options,
      limits: { ...SERVER_LIMITS, sweepMs: 20, ...limits },
    });
    const accepted: Socket[] = [];
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      accepted.push(socket);
      const onSecure = (client: Socket) => server.serve({ service: "shop" }, client);
      if (tls === undefined) onSecure(socket);
      else acceptTls(socket, { context: tls, protocols: ["h2", "http/1.1"], onSecure, onFailed: () => {} });
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new HttpListener(server, peer, listener, reports, accepted);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves once the peer has had so many requests. */
  async arrived(requests: number): Promise<void> {
    await eventually(`${requests} requests`, () => this.peer.requests.length >= requests);
  }

  /** Resolves once the latest of so many connections has brought so many bytes. */
  async read(connections: number, bytes: number): Promise<void> {
    await eventually(`${bytes} bytes`, () => this.#accepted[connections - 1]?.bytesRead === bytes);
  }

  /** A connection of a client. */
  connect(options: { allowHalfOpen?: boolean } = {}): Socket {
    const socket = connect({ port: this.port, host: "127.0.0.1", ...options });
    socket.on("error", () => {});
    this.#clients.add(socket);
    return socket;
  }

  /** Sends the bytes, and resolves with everything that comes until the server closes the connection. */
  async send(text: string): Promise<string> {
    const socket = this.connect({ allowHalfOpen: true });
    socket.setEncoding("latin1");
    let received = "";
    socket.on("data", (piece: string) => (received += piece));
    socket.write(text, "latin1");
    await new Promise((resolve) => {
      socket.once("end", resolve);
      socket.once("close", resolve);
    });
    socket.destroy();
    return received;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.server.close();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
