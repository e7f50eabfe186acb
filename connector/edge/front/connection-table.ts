/**
 * The connections of the edge's front, and which of them has to go: each step until a peer has proved itself has a
 * deadline, and where places run short the connection that is slowest for its step goes first, so that silent ones
 * go before those that are at work. The clock and the closing of sockets are passed in.
 */
import { clientGroup } from "../../../protocol/front/client-address.ts";

/**
 * What a connection has come to: `silent` until its ClientHello is there, `handshake` until TLS is up, `idle` until
 * a request's header is there (and again between requests), `request` until the answer is sent, `upgraded` once
 * the Worker accepted a WebSocket, which only members of a network get.
 */
export type Stage = "silent" | "handshake" | "idle" | "request" | "upgraded";
type Pending = Exclude<Stage, "upgraded">;

const PENDING = ["silent", "handshake", "idle", "request"] as const satisfies readonly Pending[];

/** How long each step may take, ms. */
export const STAGE_MS: Readonly<Record<Pending, number>> = {
  silent: 10_000,
  handshake: 20_000,
  idle: 20_000,
  request: 120_000,
};

export interface TableLimits {
  /** Connections. */
  readonly total: number;
  /** Of these, connections that are not `upgraded`. */
  readonly pending: number;
  /** Of these, connections of one client: of an IPv4 address, or of an IPv6 /64. */
  readonly perClient: number;
}

/** What became of connections, from the start on. */
export interface TableCounts {
  /** Closed for want of places. */
  shed: number;
  /** Closed because a step took too long. */
  timedOut: number;
}

export interface Connection {
  /** The client's address, without its port. */
  readonly address: string;
  readonly stage: Stage;
}

interface Entry extends Connection {
  stage: Stage;
  /** When it came to its stage, ms. */
  since: number;
  readonly client: string;
  readonly close: () => void;
}

/** Connections that are not `upgraded`, of each stage those first that came to it first. */
class Queues {
  readonly #queues: Readonly<Record<Pending, Set<Entry>>> = {
    silent: new Set(),
    handshake: new Set(),
    idle: new Set(),
    request: new Set(),
  };
  size = 0;

  add(entry: Entry, stage: Pending): void {
    this.#queues[stage].add(entry);
    this.size += 1;
  }

  remove(entry: Entry, stage: Pending): void {
    if (this.#queues[stage].delete(entry)) this.size -= 1;
  }

  /** The first of each stage. */
  *heads(): Iterable<Entry> {
    for (const stage of PENDING) {
      const [first] = this.#queues[stage];
      if (first !== undefined) yield first;
    }
  }
}

/** The part of its time that a connection has used up. */
const lateness = (entry: Entry, now: number): number =>
  entry.stage === "upgraded" ? 0 : (now - entry.since) / STAGE_MS[entry.stage];

export class ConnectionTable {
  readonly #limits: TableLimits;
  readonly #all = new Set<Connection>();
  readonly #pending = new Queues();
  readonly #clients = new Map<string, Queues>();
  readonly counts: TableCounts = { shed: 0, timedOut: 0 };

  constructor(limits: TableLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** How many are not `upgraded`. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Takes a new connection in, as `silent`, and closes others where there are more than the limits allow; the new one
   * itself when every place is taken by upgraded connections.
   *
   * @param close closes its socket; called once at the most, and not after {@link remove}
   */
  admit(address: string, close: () => void, now: number): Connection {
    const entry: Entry = { address, client: clientGroup(address), stage: "silent", since: now, close };
    this.#all.add(entry);
    this.#enqueue(entry, "silent");
    const own = this.#clients.get(entry.client);
    if (own !== undefined && own.size > this.#limits.perClient) this.#shed(own, now);
    while (this.#pending.size > this.#limits.pending || this.#all.size > this.#limits.total) {
      if (!this.#shed(this.#pending, now)) break;
    }
    return entry;
  }

  /** Notes what a connection has come to. One that was closed or removed stays away. */
  move(connection: Connection, stage: Stage, now: number): void {
    if (!this.#all.has(connection)) return;
    const entry = connection as Entry;
    this.#dequeue(entry);
    entry.stage = stage;
    entry.since = now;
    if (stage !== "upgraded") this.#enqueue(entry, stage);
  }

  /** Forgets a connection that ended. Can be called twice. */
  remove(connection: Connection): void {
    if (this.#all.delete(connection)) this.#dequeue(connection as Entry);
  }

  /** Closes connections whose step has taken too long. */
  expire(now: number): void {
    for (;;) {
      const late = [...this.#pending.heads()].filter((entry) => lateness(entry, now) >= 1);
      if (late.length === 0) return;
      for (const entry of late) {
        this.counts.timedOut += 1;
        this.#close(entry);
      }
    }
  }

  /** Closes the slowest. @returns whether there was any */
  #shed(queues: Queues, now: number): boolean {
    let slowest: Entry | undefined;
    for (const entry of queues.heads()) {
      if (slowest === undefined || lateness(entry, now) > lateness(slowest, now)) slowest = entry;
    }
    if (slowest === undefined) return false;
    this.counts.shed += 1;
    this.#close(slowest);
    return true;
  }

  #close(entry: Entry): void {
    this.remove(entry);
    entry.close();
  }

  #enqueue(entry: Entry, stage: Pending): void {
    this.#pending.add(entry, stage);
    const own = this.#clients.get(entry.client) ?? new Queues();
    this.#clients.set(entry.client, own);
    own.add(entry, stage);
  }

  #dequeue(entry: Entry): void {
    if (entry.stage === "upgraded") return;
    this.#pending.remove(entry, entry.stage);
    const own = this.#clients.get(entry.client);
    own?.remove(entry, entry.stage);
    if (own?.size === 0) this.#clients.delete(entry.client);
  }
}
