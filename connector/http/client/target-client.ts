/**
 * Sends requests to one target. It keeps connections between requests, and makes another one where none is free; an
 * HTTP/2 session carries many requests.
 */
import type { Socket } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";
import { CLIENT_LIMITS, type ClientLimits } from "./client-limits.ts";
import { Http1Connection } from "./http1-connection.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { TargetConnection } from "./target-exchange.ts";

/** A connected socket, and whether the target speaks HTTP/2 on it. */
export interface TargetSocket {
  readonly socket: Socket;
  readonly version: "1.1" | "2";
}

/** Connects with the target. @throws FairleadError service.*, stream.cancelled */
export type DialTarget = (signal: AbortSignal) => Promise<TargetSocket>;

interface Kept {
  readonly connection: Http1Connection;
  /** By `performance.now`. */
  readonly since: number;
  readonly until: number;
}

export class TargetClient {
  readonly #limits: ClientLimits;
  /** Called when the client holds no connection any more. */
  readonly #onEmpty: () => void;
  /** Kept connections, the one that was used last at the end. */
  readonly #kept: Kept[] = [];
  readonly #sessions = new Set<Http2Connection>();
  readonly #idleSessions = new Map<Http2Connection, number>();
  /** Dials of sessions, which later requests share. */
  #sessionDial: Promise<void> | null = null;
  #open = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(limits: ClientLimits = CLIENT_LIMITS, onEmpty: () => void = () => {}) {
    this.#limits = limits;
    this.#onEmpty = onEmpty;
  }

  /** Connections and sessions to the target. */
  get connections(): number {
    return this.#open;
  }

  /** Connections that carry no request. */
  get idle(): number {
    return this.#kept.length + this.#idleSessions.size;
  }

  /**
   * A connection that is ready for a request now; null when one has to be made. It is the caller's until the request
   * has ended, or until the caller abandons it.
   * @param isSafe whether a repetition of the request does no harm. Otherwise it gets a connection that was used just
   *   now, which the target hardly closes at this moment, or a new one.
   */
  take(isSafe: boolean): TargetConnection | null {
    for (const session of this.#sessions) {
      if (!session.isUsable) continue;
      this.#idleSessions.delete(session);
      return session.reserve();
    }
    const now = performance.now();
    for (let last = this.#kept.at(-1); last !== undefined; last = this.#kept.at(-1)) {
      const age = now - last.since;
      if (!isSafe && age > this.#limits.keptForUnsafeMs) return null;
      this.#kept.pop();
      if (last.connection.isUsable && now < last.until) return last.connection;
      last.connection.close();
    }
    return null;
  }

  /** Makes a connection. @throws FairleadError service.*, exchange.bad_response, stream.cancelled */
  async connect(dial: DialTarget, isShared: boolean, signal: AbortSignal): Promise<TargetConnection> {
    if (!isShared) return await this.#dial(dial, signal);
    for (;;) {
      // Requests that arrive at the same time share the session that the first of them makes.
      const pending = this.#sessionDial;
      if (pending === null) break;
      await pending;
      if (signal.aborted) throw new FairleadError("stream.cancelled");
      const free = this.take(true);
      if (free !== null) return free;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sessionDial = promise;
    try {
      return await this.#dial(dial, signal);
    } finally {
      this.#sessionDial = null;
      resolve();
    }
  }

  /** Closes the connections without a request. */
  closeIdle(): void {
    for (const { connection } of this.#kept.splice(0)) connection.close();
    for (const session of this.#idleSessions.keys()) session.close();
    this.#idleSessions.clear();
  }

  /** Keeps no connection from here on. Requests go on until they end. */
  close(): void {
    this.#isClosed = true;
    this.closeIdle();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #dial(dial: DialTarget, signal: AbortSignal): Promise<TargetConnection> {
    const { socket, version } = await dial(signal);
    this.#open++;
    socket.once("close", () => {
      this.#open--;
      if (this.#open === 0) this.#onEmpty();
    });
    if (version === "1.1") {
      return new Http1Connection(
        socket,
        { idle: (connection) => this.#keep(connection), closed: (connection) => this.#forget(connection) },
        this.#limits,
      );
    }
    const session = await Http2Connection.open(
      socket,
      {
        idle: (each) => this.#keepSession(each),
        closed: (each) => {
          this.#sessions.delete(each);
          this.#idleSessions.delete(each);
        },
      },
      this.#limits,
      signal,
    );
    if (!this.#isClosed) this.#sessions.add(session);
    return session.reserve();
  }

  #keep(connection: Http1Connection): void {
    const now = performance.now();
    const { keptMs, kept } = this.#limits;
    const hint = connection.keepAliveHintMs;
    // The target's own limit ends a second earlier here, so that it does not close what is about to be used.
    const forMs = hint === null ? keptMs : Math.min(keptMs, hint - 1000);
    if (this.#isClosed || forMs <= 0 || this.#kept.length >= kept) {
      connection.close();
      return;
    }
    this.#kept.push({ connection, since: now, until: now + forMs });
    this.#watch();
  }

  #keepSession(session: Http2Connection): void {
    if (this.#isClosed) {
      session.close();
      return;
    }
    this.#idleSessions.set(session, performance.now() + this.#limits.keptMs);
    this.#watch();
  }

  #forget(connection: Http1Connection): void {
    const at = this.#kept.findIndex((each) => each.connection === connection);
    if (at >= 0) this.#kept.splice(at, 1);
  }

  #watch(): void {
    this.#timer ??= setInterval(() => this.#expire(), Math.min(1000, this.#limits.keptMs)).unref();
  }

  #expire(): void {
    const now = performance.now();
    const old = this.#kept.filter(({ until }) => until <= now);
    for (const { connection } of old) {
      this.#forget(connection);
      connection.close();
    }
    for (const [session, until] of this.#idleSessions) if (until <= now) session.close();
    if (this.idle === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
