/**
 * The clients of a DNS server over TCP (RFC 7766): several queries on one connection, answered as soon as their answers
 * are known, each message behind its length in two bytes.
 */
import type { Socket } from "node:net";
import type { Reply } from "./answerer.ts";
import { FramedMessages, framed } from "./framed-messages.ts";

/** Most connections at once. One more ends the connection that has been idle for the longest time. */
const MAX_CONNECTIONS = 100;

/** How long a connection lasts without a whole query, ms. */
const IDLE_MS = 10_000;

/** Most queries of one connection whose answers are not known yet, and most bytes of answers that a client leaves unread. */
const MAX_PENDING = 100;
const MAX_UNREAD = 256 * 1024;

export interface TcpClientsOptions {
  readonly reply: (bytes: Uint8Array) => Reply;
  /** Limits; tests have others. */
  readonly maxConnections?: number | undefined;
  readonly idleMs?: number | undefined;
}

export class TcpClients {
  readonly #options: TcpClientsOptions;
  /** In the order of their last queries. */
  readonly #clients = new Set<TcpClient>();

  constructor(options: TcpClientsOptions) {
    this.#options = options;
  }

  serve(socket: Socket): void {
    const { reply, maxConnections = MAX_CONNECTIONS, idleMs = IDLE_MS } = this.#options;
    if (this.#clients.size >= maxConnections) {
      const [idlest] = this.#clients;
      idlest?.close();
    }
    const client = new TcpClient(socket, reply, idleMs, () => {
      this.#clients.delete(client);
      this.#clients.add(client);
    });
    this.#clients.add(client);
    socket.once("close", () => this.#clients.delete(client));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

class TcpClient {
  readonly #socket: Socket;
  readonly #reply: (bytes: Uint8Array) => Reply;
  readonly #idleMs: number;
  readonly #onQuery: () => void;
  readonly #messages = new FramedMessages();
  #pending = 0;
  #isEnding = false;
  readonly #idle: NodeJS.Timeout;

  constructor(socket: Socket, reply: (bytes: Uint8Array) => Reply, idleMs: number, onQuery: () => void) {
    this.#socket = socket;
    this.#reply = reply;
    this.#idleMs = idleMs;
    this.#onQuery = onQuery;
    // Bytes alone do not count: a client that sends them one by one would hold its place for ever.
    this.#idle = setTimeout(() => this.close(), this.#idleMs).unref();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#messages.add(chunk);
      this.#read();
    });
    socket.on("drain", () => this.#resume());
    socket.on("end", () => {
      this.#isEnding = true;
      this.#endIfDone();
    });
    socket.once("close", () => clearTimeout(this.#idle));
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): void {
    while (!this.#isFull && !this.#socket.destroyed) {
      const message = this.#messages.next();
      if (message === "malformed") this.close();
      if (message === null || message === "malformed") break;
      this.#query(message);
    }
    if (this.#isFull) this.#socket.pause();
  }

  #query(message: Uint8Array): void {
    this.#idle.refresh();
    this.#onQuery();
    const reply = this.#reply(message);
    if (!(reply instanceof Promise)) {
      this.#send(reply);
      return;
    }
    this.#pending++;
    void reply.then((answer) => {
      this.#pending--;
      this.#send(answer);
      this.#resume();
      this.#endIfDone();
    });
  }

  #send(answer: Uint8Array | null): void {
    if (answer === null) this.close();
    if (answer === null || this.#socket.destroyed) return;
    this.#socket.write(framed(answer));
  }

  get #isFull(): boolean {
    return this.#pending >= MAX_PENDING || this.#socket.writableLength > MAX_UNREAD;
  }

  #resume(): void {
    if (this.#isFull || !this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#read();
  }

  #endIfDone(): void {
    if (this.#isEnding && this.#pending === 0) this.#socket.end();
  }
}
