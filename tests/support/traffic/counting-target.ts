/** An HTTP target that counts what it executes: the measure of whether a request was executed twice. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../free-port.ts";

export interface CountingTargetOptions {
  /** Name in the field `x-target` of each response. */
  readonly name: string;
  readonly host?: string;
  readonly port?: number;
  /** How long each response takes, ms. */
  readonly delayMs?: number;
}

export class CountingTarget {
  readonly name: string;
  readonly #host: string;
  readonly #delayMs: number;
  #port: number;
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();
  /** Executions by method and path. */
  readonly executions = new Map<string, number>();
  /** Statuses that the next responses have in place of 200. */
  readonly statuses: number[] = [];

  constructor({ name, host = "127.0.0.1", port = 0, delayMs = 0 }: CountingTargetOptions) {
    this.name = name;
    this.#host = host;
    this.#port = port;
    this.#delayMs = delayMs;
  }

  /** `HOST:PORT`, once it has been started. */
  get at(): string {
    return `${this.#host}:${this.#port}`;
  }

  /** Executed requests of a method, or of all. */
  count(method = ""): number {
    let total = 0;
    for (const [key, count] of this.executions) if (key.startsWith(method)) total += count;
    return total;
  }

  /** Listens, at the same port each time. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    server.keepAliveTimeout = 60_000;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    // A port that no other test takes while this target is down.
    if (this.#port === 0) this.#port = await freePort(this.#host);
    server.listen(this.#port, this.#host);
    await once(server, "listening");
    this.#server = server;
    return this;
  }

  /** Ends like a process that is killed: every connection is reset, and the port refuses. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    request.on("error", () => {});
    // A request counts as executed as soon as its head is there, which is the worst case.
    const key = `${request.method} ${request.url}`;
    this.executions.set(key, (this.executions.get(key) ?? 0) + 1);
    request.resume();
    if (this.#delayMs > 0) await sleep(this.#delayMs);
    if (response.destroyed) return;
    response.writeHead(this.statuses.shift() ?? 200, { "x-target": this.name });
    response.end(`${request.url} by ${this.name}`);
  }
}

/** Most executions of one request of the method at all targets together. */
export function mostExecutions(targets: readonly CountingTarget[], method: string): number {
  const totals = new Map<string, number>();
  for (const { executions } of targets) {
    for (const [key, count] of executions) {
      if (key.startsWith(method)) totals.set(key, (totals.get(key) ?? 0) + count);
    }
  }
  return Math.max(0, ...totals.values());
}
