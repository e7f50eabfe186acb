/** A DNS server at one address, over UDP and TCP. It tries to bind until it succeeds. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIPv6, type Server } from "node:net";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Reply, Transport } from "./answerer.ts";
import { TcpClients } from "./tcp-clients.ts";

export type DnsServerState =
  | { readonly state: "starting" | "listening" | "closed" }
  | { readonly state: "failed"; readonly code: ErrorCode; readonly message: string };

export interface DnsServerOptions {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  readonly reply: (bytes: Uint8Array, transport: Transport) => Reply;
  readonly log: Log;
  readonly maxConnections?: number;
  readonly idleMs?: number;
  readonly retry?: { readonly base: number; readonly cap: number };
}

/** Queries over UDP whose answers are not known yet, at most. Further queries are dropped, and clients repeat them. */
const MAX_PENDING = 1000;

/** A second's worth of queries may wait while the event loop is busy, bytes. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

const CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "dns.port_taken",
  EACCES: "dns.not_permitted",
  EPERM: "dns.not_permitted",
};

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #backoff: Backoff;
  readonly #clients: TcpClients;
  #state: DnsServerState = { state: "starting" };
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pending = 0;

  constructor(options: DnsServerOptions) {
    const { reply, retry, maxConnections, idleMs } = options;
    this.#options = options;
    this.#backoff = new Backoff({ base: 1000, cap: 15_000, ...retry, random: Math.random });
    this.#clients = new TcpClients({ reply: (bytes) => reply(bytes, "tcp"), maxConnections, idleMs });
  }

  get state(): DnsServerState {
    return this.#state;
  }

  /** `HOST:PORT`, with brackets around IPv6. */
  get address(): string {
    return formatAddress(this.#options.host, this.#options.port);
  }

  start(): void {
    void this.#bind();
  }

  close(): void {
    this.#state = { state: "closed" };
    clearTimeout(this.#timer);
    this.#release();
    this.#clients.close();
  }

  async #bind(): Promise<void> {
    const { host, port, log } = this.#options;
    try {
      await Promise.all([this.#listenTcp(host, port), this.#listenUdp(host, port)]);
      if (this.#state.state === "closed") return;
      this.#state = { state: "listening" };
      this.#backoff.reset();
      log.info({ address: this.address }, "The DNS server is listening.");
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #listenTcp(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#clients.serve(socket),
      );
      this.#tcp = server;
      // A failure to accept one client is no failure of the server.
      server.on("error", reject);
      server.listen({ host, port, ipv6Only: isIPv6(host) }, resolve);
    });
  }

  #listenUdp(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = createSocket({
        ...{ type: isIPv6(host) ? "udp6" : "udp4", ipv6Only: isIPv6(host), recvBufferSize: RECEIVE_BUFFER },
        // Answers go to addresses: there is no name to look up, and no turn of the event loop to wait for it.
        lookup: (address, _, callback) => callback(null, address, isIPv6(address) ? 6 : 4),
      });
      this.#udp = socket;
      socket.on("error", reject);
      socket.on("message", (bytes, from) => this.#take(socket, bytes, from));
      socket.bind({ address: host, port }, resolve);
    });
  }

  #take(socket: UdpSocket, bytes: Buffer, from: RemoteInfo): void {
    const reply = this.#options.reply(bytes, "udp");
    if (!(reply instanceof Promise)) {
      this.#send(socket, reply, from);
      return;
    }
    if (this.#pending >= MAX_PENDING) return;
    this.#pending++;
    void reply.then((answer) => {
      this.#pending--;
      this.#send(socket, answer, from);
    });
  }

  #send(socket: UdpSocket, answer: Uint8Array | null, { address, port }: RemoteInfo): void {
    // Port 0 is nobody's, and Node refuses it with an exception.
    if (answer === null || port === 0 || socket !== this.#udp) return;
    socket.send(answer, port, address);
  }

  #failed(thrown: unknown): void {
    this.#release();
    if (this.#state.state === "closed") return;
    const name = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
    const code = CODES[name] ?? "dns.address";
    const message = `The DNS server cannot bind to ${this.address}: ${name}.`;
    const isNews = this.#state.state !== "failed" || this.#state.code !== code;
    this.#state = { state: "failed", code, message };
    // The same failure is logged once.
    if (isNews) this.#options.log.warn({ address: this.address, code, action: ERRORS[code].action }, message);
    this.#timer = setTimeout(() => void this.#bind(), 250 + this.#backoff.next()).unref();
  }

  #release(): void {
    const [udp, tcp] = [this.#udp, this.#tcp];
    this.#udp = undefined;
    this.#tcp = undefined;
    tcp?.close();
    try {
      udp?.close();
    } catch {
      // It was never bound, or has failed.
    }
  }
}
