/**
 * A test stand for sessions: a minimal relay on a real `ws` server, a registry that only issues invitations,
 * and connectors made of session managers.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { silent } from "../../../connector/log.ts";
import { LANE_SOCKET_OPTIONS } from "../../../connector/net/lane-socket.ts";
import type { SessionLimits } from "../../../connector/session/limits.ts";
import {
  SessionManager,
  type SessionManagerOptions,
  type SessionStream,
  type StreamOrigin,
} from "../../../connector/session/manager.ts";
import type { SessionIdentity } from "../../../connector/session/tls.ts";
import { asFairleadError, type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { type InstanceId, instanceKey } from "../../../protocol/instance-id.ts";
import {
  closeCodeFor,
  type Encryption,
  type Instance,
  type Invitation,
} from "../../../protocol/uplink/messages.ts";
import type { VersionRange } from "../../../protocol/versions.ts";
import { randomId } from "../authority/certificates.ts";
import { eventually } from "../clock/eventually.ts";
import { testRelay } from "./test-relay.ts";

/** Joins the two sockets with the same ticket prefix, as a router does. */
export class TestRelay {
  readonly #server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  readonly #waiting = new Map<string, { socket: WebSocket; held: [RawData, boolean][] }>();
  readonly #lanes = new Set<WebSocket>();
  readonly #joined = new Set<string>();
  /** Count of dials so far. */
  dials = 0;
  /** Alters a binary message on the way, or drops it by returning null. */
  alter: ((data: Buffer, lane: string) => Buffer | Buffer[] | null) | null = null;
  /** Alters a preface on the way. */
  alterText: ((text: string) => string) | null = null;
  /** Lanes that drop all messages and stay open. */
  readonly holes = new Set<string>();
  /** Whether all dials are refused. */
  down = false;
  /** Delay of each message, ms. */
  delayMs = 0;
  /** Codes with which the next lanes are ended instead of joined, one per dial. */
  readonly refuse: (ErrorCode | null)[] = [];

  static async start(): Promise<TestRelay> {
    const relay = new TestRelay();
    await once(relay.#server, "listening");
    relay.#server.on("connection", (socket, request) => relay.#connected(socket, request.url ?? ""));
    return relay;
  }

  readonly dial = async (ticket: string): Promise<WebSocket> => {
    if (this.down) throw new FairleadError("lane.failed", "the relay is down");
    const { port } = this.#server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${ticket}`, LANE_SOCKET_OPTIONS);
    socket.once("open", () => socket.pause());
    await once(socket, "open");
    return socket;
  };

  /** Terminates all lanes without a close frame, as a killed edge does. */
  cut(): void {
    for (const socket of this.#lanes) socket.terminate();
  }

  /** Terminates one lane. */
  cutOne(random: (below: number) => number): void {
    const all = [...this.#lanes];
    all[random(all.length)]?.terminate();
  }

  /** Lets the current lanes drop all messages from now on, without closing them. */
  blackhole(): void {
    for (const lane of this.#joined) this.holes.add(lane);
  }

  /** Count of joined lanes. */
  get lanes(): number {
    return this.#lanes.size;
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
    this.#joined.add(lane);
    first.socket.removeAllListeners("message");
    this.#pump(first.socket, socket, lane);
    this.#pump(socket, first.socket, lane);
    for (const [data, binary] of first.held) socket.send(data, { binary });
  }

  #pump(from: WebSocket, to: WebSocket, lane: string): void {
    const forward = (message: RawData, binary: boolean): void => {
      if (to.readyState !== WebSocket.OPEN || this.holes.has(lane)) return;
      to.send(message, { binary }, () => {
        if (from.isPaused && to.bufferedAmount < 1 << 18) from.resume();
      });
      // Backpressure, as in the runtime's native pump.
      if (to.bufferedAmount > 1 << 19) from.pause();
    };
    from.on("message", (data, binary) => {
      let messages: RawData | RawData[] | null = data;
      if (binary && this.alter !== null) messages = this.alter(data as Buffer, lane);
      if (!binary && this.alterText !== null) messages = Buffer.from(this.alterText(String(data)));
      for (const message of Array.isArray(messages) ? (messages as Buffer[]) : [messages]) {
        if (message === null) continue;
        if (this.delayMs === 0) forward(message, binary);
        else setTimeout(() => forward(message, binary), this.delayMs);
      }
    });
    from.on("close", (code, reason) => {
      if (this.holes.has(lane)) return;
      if (code === 1006 || code === 1005) to.terminate();
      else to.close(code, reason);
    });
  }
}

/** Issues invitations: one session for each pair, a new one after its end, and new generations of lanes. */
export class TestRegistry {
  readonly #members = new Map<string, Connector>();
  readonly #sessions = new Map<string, Row>();
  /** Counts of requests for sessions and for lanes so far. */
  requests = 0;
  resumes = 0;
  /** Whether it acts as an edge without support for several lanes and for resuming. */
  old = false;
  /** The code with which it refuses to resume; null to resume. */
  refuseResume: ErrorCode | null = null;
  readonly ended: { session: string; generation: number; code: string; by: string }[] = [];
  /** Alters the invitation for the requester. */
  alterGrant: ((invitation: Invitation) => Invitation) | null = null;
  /** Called in place of the offer to the peer. */
  intercept: ((peer: Connector, invitation: Invitation) => void) | null = null;

  add(connector: Connector): void {
    this.#members.set(instanceKey(connector.instance), connector);
  }

  async request(
    from: Instance,
    peer: InstanceId,
    lanes = 1,
    encryption: Encryption = "end-to-end",
  ): Promise<Invitation> {
    this.requests++;
    const other = this.#members.get(instanceKey(peer));
    if (other === undefined) throw new Error("no such instance");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const key = [...[instanceKey(from), instanceKey(peer)].sort(), encryption].join();
    const known = this.#sessions.get(key);
    const session: Row =
      known?.live === true
        ? known
        : { id: randomId("session"), generation: 1, live: true, at: Date.now(), lanes, encryption };
    this.#sessions.set(key, session);
    return this.#invite(session, from, other);
  }

  async resume(from: Instance, id: string, generation: number, lanes = 1): Promise<Invitation> {
    this.resumes++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.refuseResume !== null) throw new FairleadError(this.refuseResume);
    // A process that was replaced has no uplink, over which it could resume the session before its peer tries to.
    if (!this.#members.has(instanceKey(from))) throw new FairleadError("session.unknown");
    for (const [key, session] of this.#sessions) {
      if (session.id !== id || !session.live) continue;
      const peer = key.split(",").find((one) => one !== instanceKey(from)) ?? "";
      const other = this.#members.get(peer);
      if (other === undefined) throw new FairleadError("session.unknown");
      const coming = generation < session.generation && Date.now() - session.at < 10_000;
      if (!coming) {
        session.generation = Math.max(session.generation, generation) + 1;
        session.at = Date.now();
        session.lanes = lanes;
      }
      return this.#invite(session, from, other);
    }
    throw new FairleadError("session.unknown");
  }

  /** Replaces a process by another one. */
  forget(connector: Connector): void {
    this.#members.delete(instanceKey(connector.instance));
  }

  #invite(session: Row, from: Instance, other: Connector): Invitation {
    const make = (side: Instance, ticketOf: string): Invitation => {
      const tickets = Array.from(
        { length: session.lanes },
        (_, lane) => `${session.id}.${session.generation}.${lane}~${ticketOf}`,
      );
      const [ticket = ""] = tickets;
      return {
        ...{ session: session.id, generation: session.generation, lane: 0, peer: side, ticket },
        ...(this.old ? {} : { tickets, encryption: session.encryption }),
      };
    };
    const offer = make(from, "b");
    if (this.intercept !== null) this.intercept(other, offer);
    else other.manager.offered(offer);
    const granted = make(other.instance, "a");
    return this.alterGrant?.(granted) ?? granted;
  }

  noteEnded(session: string, generation: number, code: string, by: string): void {
    this.ended.push({ session, generation, code, by });
    for (const one of this.#sessions.values()) {
      if (one.id === session && one.generation <= generation) one.live = false;
    }
    if (code !== "session.unknown" && code !== "session.forbidden") return;
    // As the registry does, because the peer would wait in vain.
    for (const { instance, manager } of this.#members.values()) {
      if (instance.siteName !== by) setTimeout(() => manager.cut(session, code), 20);
    }
  }
}

interface Row {
  id: string;
  generation: number;
  live: boolean;
  /** When this generation was granted, ms. */
  at: number;
  lanes: number;
  encryption: Encryption;
}

export interface Connector {
  instance: Instance;
  manager: SessionManager;
}

/** Resolves with the Duplex to which a peer's stream is joined. */
type Accept = (
  stream: SessionStream,
  info: { service: string; peer: Instance; encryption: Encryption; signal: AbortSignal },
) => Promise<Duplex>;

/** Joins the streams of peers to the Duplexes of the test. */
const joining = testRelay();

const nothing: Accept = () => Promise.reject(new Error("nothing is offered"));

async function serve(stream: SessionStream, origin: StreamOrigin, accept: Accept): Promise<void> {
  const { service } = stream;
  const ended = new AbortController();
  stream.on("close", () => ended.abort());
  try {
    if (origin.draining) throw new FairleadError("service.draining");
    const target = await accept(stream, { service, ...origin, signal: ended.signal });
    if (!stream.destroyed) stream.accept();
    joining.join(target, stream, joining.start({ side: "target", service, stream }));
  } catch (thrown) {
    stream.destroy(asFairleadError(thrown, "stream.internal"));
  }
}

export const quiet = { debug() {}, info() {}, warn() {} };

/** Makes a connector of a site. */
export function makeConnector(
  registry: TestRegistry,
  relay: TestRelay,
  identity: SessionIdentity,
  options: {
    name?: string;
    /** Decides the TLS role: the lower boot id is the server. */
    boot?: string;
    /** Returns the Duplex to which a peer's stream is joined. */
    accept?: Accept;
    /** Serves a peer's stream in place of `accept`. */
    opened?: SessionManagerOptions["opened"];
    limits?: Partial<SessionLimits>;
    carrier?: VersionRange;
    /** Whether its configuration permits hop encryption. */
    hop?: boolean;
    /** The site that the registry names for this connector, if it differs from the proven one. */
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
    // A hostile peer may claim any site; its certificate proves the real one.
    identity: () => ({ ...identity, site: instance.site }),
    signalling: {
      request: (_service, peer, lanes, encryption) => registry.request(instance, peer, lanes, encryption),
      resume: (session, generation, lanes) => registry.resume(instance, session, generation, lanes),
      ended: (session, generation, code) => registry.noteEnded(session, generation, code, instance.siteName),
    },
    dial: relay.dial,
    opened: options.opened ?? ((stream, origin) => void serve(stream, origin, options.accept ?? nothing)),
    log: silent,
    allowsHop: () => options.hop ?? false,
    ...(options.carrier === undefined ? {} : { carrier: options.carrier }),
    limits: { upMs: 60_000, laneWaitMs: 60_000, lingerMs: 300, ...options.limits },
  });
  const connector = { instance, manager };
  registry.add(connector);
  return connector;
}

/** Returns two boot ids, the first of which is that of the TLS server. */
export function orderedBoots(): [string, string] {
  const [low = "", high = ""] = [randomId("boot"), randomId("boot")].sort();
  return [low, high];
}

export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Returns the code with which a promise rejects, or "resolved". */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as FairleadError).code ?? String(error);
  }
  return "resolved";
}

/** Waits until `check` holds, also while a test holds time. */
export async function until(check: () => boolean): Promise<void> {
  await eventually(String(check), check, { every: 5 });
}
