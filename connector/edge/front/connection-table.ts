/**
 * The connections of the edge's front. Each stage until a client is authenticated has a deadline. When the
 * table is full, the connection that has used up most of its stage's time is closed first, so silent
 * connections go before active ones. The clock and the closing of sockets are passed in.
 */
import { clientGroup } from "../../../protocol/front/client-address.ts";

/**
 * The stage of a connection: `silent` until its ClientHello arrived, `handshake` until TLS is established,
 * `idle` until the header of a request arrived (and again between requests), `request` until the response is
 * sent, `upgraded` once the Worker accepted a WebSocket, which it does for members of a network only.
 */
export type Stage = "silent" | "handshake" | "idle" | "request" | "upgraded";
type Pending = Exclude<Stage, "upgraded">;

const PENDING = ["silent", "handshake", "idle", "request"] as const satisfies readonly Pending[];

/** Longest duration of each stage, ms. */
export const STAGE_MS: Readonly<Record<Pending, number>> = {
  silent: 10_000,
  handshake: 20_000,
  idle: 20_000,
  request: 120_000,
};

export interface TableLimits {
  /** Most connections. */
  readonly total: number;
  /** Most connections that are not `upgraded`. */
  readonly pending: number;
  /** Most connections of one client (an IPv4 address or an IPv6 /64) that are not `upgraded`. */
  readonly perClient: number;
}

/** Counts since the start. */
export interface TableCounts {
  /** Connections closed because the table was full. */
  shed: number;
  /** Connections closed because a stage took too long. */
  timedOut: number;
}

export interface Connection {
  /** The client's address, without its port. */
  readonly address: string;
  readonly stage: Stage;
}

interface Entry extends Connection {
  stage: Stage;
  /** When it entered its stage, ms. */
  since: number;
  readonly client: string;
  readonly close: () => void;
}

/** Connections that are not `upgraded`, by stage, in the order in which they entered it. */
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

  /** The first connection of each stage. */
  *heads(): Iterable<Entry> {
    for (const stage of PENDING) {
      const [first] = this.#queues[stage];
      if (first !== undefined) yield first;
    }
  }
}

/** The share of its stage's time that a connection has used up. */
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

  /** Connections that are not `upgraded`. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Admits a new connection as `silent`, and closes others above the limits. Closes the new one when upgraded
   * connections fill the table.
   *
   * @param close closes its socket; called at most once, and not after {@link remove}
   */
  admit(address: string, close: () => void, now: number): Connection {
    const entry: Entry = { address, client: clientGroup(address), stage: "silent", since: now, close };
    this.#all.add(entry);
    this.#enqueue(entry, "silent");
    this.#makeRoom(entry, now);
    return entry;
  }

  /**
   * Moves a connection to another stage. Closes others above the limits when it was `upgraded` before. Does nothing for a
   * closed or removed connection.
   */
  move(connection: Connection, stage: Stage, now: number): void {
    if (!this.#all.has(connection)) return;
    const entry = connection as Entry;
    this.#dequeue(entry);
    entry.stage = stage;
    entry.since = now;
    if (stage === "upgraded") return;
    this.#enqueue(entry, stage);
    this.#makeRoom(entry, now);
  }

  /** Removes a connection that ended. Idempotent. */
  remove(connection: Connection): void {
    if (this.#all.delete(connection)) this.#dequeue(connection as Entry);
  }

  /** Closes connections whose stage has taken too long. */
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

  /** Closes connections above the limits, once one more is pending: of its client first, then of all. */
  #makeRoom(added: Entry, now: number): void {
    const own = this.#clients.get(added.client);
    if (own !== undefined && own.size > this.#limits.perClient) this.#shed(own, now);
    while (this.#pending.size > this.#limits.pending || this.#all.size > this.#limits.total) {
      if (!this.#shed(this.#pending, now)) break;
    }
  }

  /** Closes the slowest connection. @returns whether there was one */
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
