/**
 * An edge's operator that reads and alters traffic. It has the edge's server key and is between connectors and the
 * edge. It passes uplinks to the registry, and joins lanes itself in place of the router. It keeps everything that it
 * relays, and can harm any message.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { LANE_PATH, TICKET_HEADER } from "../../../protocol/uplink/assertions.ts";
import { Ticket } from "../../../workers/authority/ticket.ts";
import type { Edge } from "../process/cluster.ts";

export interface Message {
  readonly data: Buffer;
  readonly binary: boolean;
}

/** One direction of a lane. */
export interface Way {
  readonly lane: string;
  /** Sending site. */
  readonly from: string;
  /** Received messages, in order. */
  readonly seen: Message[];
}

/** Returns the messages to pass on in place of a message. */
export type Meddle = (message: Message, way: Way) => Message[] | Promise<Message[]>;

interface Visitor {
  readonly site: string;
  readonly socket: WebSocket;
}

const UNSENT = 1024 * 1024;

export class Middle {
  readonly #edge: Edge;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<WebSocket>();
  readonly #waiting = new Map<string, Visitor>();
  /** Every direction of every lane so far. */
  readonly ways: Way[] = [];
  /** Bytes on uplinks, in both directions. */
  readonly uplinks: Buffer[] = [];
  meddle: Meddle | null = null;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  /** Listens for one site, and reads its state directory to act for it. Returns the port. */
  async listen(site: string, stateDir: string): Promise<number> {
    const file = (name: string) => readFileSync(join(this.#edge.stateDir, name));
    const server = createServer({ cert: file("server.pem"), key: file("server-key.pem") });
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 2 ** 20 });
    server.on("upgrade", (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        this.#track(accepted);
        if (request.url === LANE_PATH) this.#lane(site, accepted, request);
        else this.#uplink(accepted, request, stateDir);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Terminates every lane without a close frame. */
  cut(): void {
    for (const { socket } of this.#ends) socket.terminate();
  }

  readonly #ends = new Set<Visitor>();

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  }

  #uplink(socket: WebSocket, request: IncomingMessage, stateDir: string): void {
    const file = (name: string) => readFileSync(join(stateDir, name));
    const onward = new WebSocket(`${this.#edge.localGatewayUrl.replace(/^http/, "ws")}${request.url}`, {
      ca: this.#edge.ca,
      cert: file("certificate.pem"),
      key: file("key.pem"),
      perMessageDeflate: false,
      headers: { authorization: request.headers.authorization ?? "" },
    });
    this.#track(onward);
    const early: [RawData, boolean][] = [];
    onward.on("open", () => {
      for (const [data, binary] of early.splice(0)) onward.send(data, { binary });
    });
    socket.on("message", (data, binary) => {
      this.uplinks.push(Buffer.from(data as Buffer));
      if (onward.readyState === WebSocket.OPEN) onward.send(data, { binary });
      else early.push([data, binary]);
    });
    onward.on("message", (data, binary) => {
      this.uplinks.push(Buffer.from(data as Buffer));
      socket.send(data, { binary });
    });
    socket.on("close", () => onward.terminate());
    onward.on("close", (code, reason) => passClose(socket, code, reason));
  }

  #lane(site: string, socket: WebSocket, request: IncomingMessage): void {
    const text = String(request.headers[TICKET_HEADER] ?? "");
    const body = Buffer.from(text.split(".")[0] ?? "", "base64url").toString();
    const { session, generation, lane } = Ticket.parse(JSON.parse(body));
    const name = `${session}:${generation}:${lane}`;
    const visitor = { site, socket };
    this.#ends.add(visitor);
    socket.on("close", () => this.#ends.delete(visitor));
    // Keeps messages that arrive before the other side has dialled.
    const first = this.#waiting.get(name);
    if (first === undefined) {
      this.#waiting.set(name, visitor);
      socket.pause();
      return;
    }
    this.#waiting.delete(name);
    this.#pump(first, visitor, name);
    this.#pump(visitor, first, name);
    first.socket.resume();
  }

  #pump(from: Visitor, to: Visitor, lane: string): void {
    const way: Way = { lane, from: from.site, seen: [] };
    this.ways.push(way);
    // Messages keep their order, however long `meddle` takes for each.
    let last: Promise<void> = Promise.resolve();
    from.socket.on("message", (data, binary) => {
      const message = { data: Buffer.from(data as Buffer), binary };
      way.seen.push(message);
      last = last.then(async () => {
        const passed = this.meddle === null ? [message] : await this.meddle(message, way);
        for (const each of passed) this.#send(from.socket, to.socket, each);
      });
    });
    from.socket.on("close", (code, reason) => {
      void last.then(() => passClose(to.socket, code, reason));
    });
  }

  #send(from: WebSocket, to: WebSocket, { data, binary }: Message): void {
    if (to.readyState !== WebSocket.OPEN) return;
    to.send(data, { binary }, () => {
      if (to.bufferedAmount < UNSENT) from.resume();
    });
    if (to.bufferedAmount >= UNSENT) from.pause();
  }

  #track(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

function passClose(socket: WebSocket, code: number, reason: Buffer): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (code === 1000 || code >= 3000) socket.close(code, reason);
  else socket.terminate();
}
