/**
 * A stand for sessions: a minimal relay on a real `ws` server, a registry that only hands out invitations,
 * and connectors made of session managers.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { LANE_SOCKET_OPTIONS } from "../../../../connector/session/lane.ts";
import { SessionManager, type SessionManagerOptions } from "../../../../connector/session/manager.ts";
import type { SessionLimits } from "../../../../connector/session/session.ts";
import type { SessionIdentity } from "../../../../connector/session/tls.ts";
import type { ErrorCode, FairleadError } from "../../../../protocol/errors.ts";
import { closeCodeFor, type Instance, type Invitation } from "../../../../protocol/messages.ts";
import { randomId } from "../../../support/certificates.ts";

/** Joins the two sockets that come with the same ticket prefix, as a router does. */
export class TestRelay {
  readonly #server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  readonly #waiting = new Map<string, { socket: WebSocket; held: [RawData, boolean][] }>();
  readonly #lanes = new Set<WebSocket>();
  /** Dials so far. */
  dials = 0;
  /** Changes a binary message under way, or drops it with null. */
  alter: ((data: Buffer, lane: string) => Buffer | null) | null = null;
  /** Ends lanes with these codes, one per dial, instead of joining them. */
  readonly refuse: (ErrorCode | null)[] = [];

  static async start(): Promise<TestRelay> {
    const relay = new TestRelay();
    await once(relay.#server, "listening");
    relay.#server.on("connection", (socket, request) => relay.#connected(socket, request.url ?? ""));
    return relay;
  }

  readonly dial = async (ticket: string): Promise<WebSocket> => {
    const { port } = this.#server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${ticket}`, LANE_SOCKET_OPTIONS);
    socket.once("open", () => socket.pause());
    await once(socket, "open");
    return socket;
  };

  /** Cuts every lane without a word, as an edge does that is killed. */
  cut(): void {
    for (const socket of this.#lanes) socket.terminate();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #connected(socket: WebSocket, url: string): void {
    this.dials++;
    this.#lanes.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#lanes.delete(socket));
    const refusal = this.refuse.shift();
    if (refusal) {
      socket.close(closeCodeFor(409), refusal);
      return;
    }
    const lane = url.slice(1).split("~")[0] ?? "";
    const first = this.#waiting.get(lane);
    if (first === undefined) {
      const waiting = { socket, held: [] as [RawData, boolean][] };
      this.#waiting.set(lane, waiting);
      socket.on("message", (data, binary) => waiting.held.push([data, binary]));
      return;
    }
    this.#waiting.delete(lane);
    first.socket.removeAllListeners("message");
    this.#pump(first.socket, socket, lane);
    this.#pump(socket, first.socket, lane);
    for (const [data, binary] of first.held) socket.send(data, { binary });
  }

  #pump(from: WebSocket, to: WebSocket, lane: string): void {
    from.on("message", (data, binary) => {
      let message: RawData | null = data;
      if (binary && this.alter !== null) message = this.alter(data as Buffer, lane);
      if (message === null || to.readyState !== WebSocket.OPEN) return;
      to.send(message, { binary }, () => {
        if (from.isPaused && to.bufferedAmount < 1 << 18) from.resume();
      });
      // Backpressure, as the runtime's native pump has it.
      if (to.bufferedAmount > 1 << 19) from.pause();
    });
    from.on("close", (code, reason) => {
      if (code === 1006 || code === 1005) to.terminate();
      else to.close(code, reason);
    });
  }
}

/** Hands out invitations: one session for each pair, a new generation for each request after it ended. */
export class TestRegistry {
  readonly #members = new Map<string, Connector>();
  readonly #sessions = new Map<string, { id: string; generation: number; live: boolean }>();
  /** Requests so far. */
  requests = 0;
  readonly ended: { session: string; generation: number; code: string; by: string }[] = [];
  /** Called in place of the offer to the other side. */
  intercept: ((peer: Connector, invitation: Invitation) => void) | null = null;

  add(connector: Connector): void {
    this.#members.set(connector.instance.boot, connector);
  }

  async request(from: Instance, peer: { boot: string }): Promise<Invitation> {
    this.requests++;
    const other = this.#members.get(peer.boot);
    if (other === undefined) throw new Error("no such instance");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const key = [from.boot, peer.boot].sort().join();
    const known = this.#sessions.get(key);
    const session =
      known?.live === true
        ? known
        : { id: known?.id ?? randomId("session"), generation: (known?.generation ?? 0) + 1, live: true };
    this.#sessions.set(key, session);
    const make = (side: Instance, ticketOf: string): Invitation => ({
      session: session.id,
      generation: session.generation,
      lane: 0,
      peer: side,
      ticket: `${session.id}.${session.generation}~${ticketOf}`,
    });
    const offer = make(from, "b");
    if (this.intercept !== null) this.intercept(other, offer);
    else other.manager.offered(offer);
    return make(other.instance, "a");
  }

  noteEnded(session: string, generation: number, code: string, by: string): void {
    this.ended.push({ session, generation, code, by });
    for (const one of this.#sessions.values()) {
      if (one.id === session && one.generation === generation) one.live = false;
    }
  }
}

export interface Connector {
  instance: Instance;
  manager: SessionManager;
}

export const quiet = { debug() {}, info() {}, warn() {} };

/** A connector of a site. */
export function makeConnector(
  registry: TestRegistry,
  relay: TestRelay,
  identity: SessionIdentity,
  options: {
    name?: string;
    /** Decides the TLS role: the lower boot id is the server. */
    boot?: string;
    accept?: SessionManagerOptions["accept"];
    limits?: Partial<SessionLimits>;
    /** What the registry says this site is, when that differs from what it proves. */
    site?: string;
  } = {},
): Connector {
  const instance: Instance = {
    site: options.site ?? identity.site,
    siteName: options.name ?? "test",
    boot: options.boot ?? randomId("boot"),
  };
  const manager = new SessionManager({
    boot: instance.boot,
    identity: () => identity,
    signalling: {
      request: (_service, peer) => registry.request(instance, peer),
      ended: (session, generation, code) => registry.noteEnded(session, generation, code, instance.siteName),
    },
    dial: relay.dial,
    accept: options.accept ?? (() => Promise.reject(new Error("nothing is offered"))),
    log: quiet,
    limits: { upMs: 3000, lingerMs: 300, ...options.limits },
  });
  const connector = { instance, manager };
  registry.add(connector);
  return connector;
}

/** Boot ids such that the first is the TLS server. */
export function orderedBoots(): [string, string] {
  const [low = "", high = ""] = [randomId("boot"), randomId("boot")].sort();
  return [low, high];
}

export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The code that a promise rejects with; fails when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as FairleadError).code ?? String(error);
  }
  return "resolved";
}

/** Waits until `check` holds. */
export async function until(check: () => boolean, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!check()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
