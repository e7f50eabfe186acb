/**
 * One session with one peer: lane, carrier, TLS and streams put together, from the invitation to the end.
 *
 *     opening ──peer's HELLO──▶ up ──GOAWAY──▶ draining ──no stream left──▶ closed
 *     any ──failure, cut, close──▶ closed
 */
import type { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Instance, Invitation } from "../../protocol/messages.ts";
import { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import { LaneCarrier } from "./carrier.ts";
import { SessionStream } from "./stream.ts";
import { connectionError, type SessionIdentity, secure } from "./tls.ts";

/** Part of a pino logger. */
export interface Log {
  debug(about: object, message: string): void;
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
}

/** Times in ms, and limits of what a peer may make us hold. */
export interface SessionLimits {
  /** A session without streams for this long is closed. */
  idleMs: number;
  /** From the invitation until streams flow. */
  upMs: number;
  /** For the peer to answer GOAWAY, and for the last bytes to leave. */
  lingerMs: number;
  /** Bytes that each of the peer's streams may send without credit. */
  window: number;
  /** Streams that the peer may have open. */
  maxStreams: number;
}

export interface SessionOptions {
  invitation: Invitation;
  /** Our own boot id. */
  boot: string;
  identity: SessionIdentity;
  software: string;
  limits: SessionLimits;
  dial: (ticket: string) => Promise<WebSocket>;
  /** The peer opened a stream. */
  opened: (stream: SessionStream, session: Session) => void;
  /** The session is closed; called once. */
  ended: (session: Session, error: FairleadError) => void;
  log: Log;
}

export type SessionState = "opening" | "up" | "draining" | "closed";

const MOVES: Record<SessionState, readonly SessionState[]> = {
  opening: ["up", "closed"],
  up: ["draining", "closed"],
  draining: ["closed"],
  closed: [],
};

/** Ends that somebody should look into. */
const SUSPICIOUS = new Set(["session.tampered", "session.untrusted", "session.wrong_peer"]);

export class Session {
  readonly id: string;
  readonly generation: number;
  readonly peer: Instance;
  readonly since = new Date();
  readonly #options: SessionOptions;
  readonly #up = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #state: SessionState = "opening";
  #carrier: LaneCarrier | null = null;
  #tls: TLSSocket | null = null;
  #streams: Multiplexer | null = null;
  /** Until up: how long that may take. Then: how long to stay without streams. Then: how long to linger. */
  #timer: NodeJS.Timeout | undefined;

  /** Starts to open the session at once. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.invitation.session;
    this.generation = options.invitation.generation;
    this.peer = options.invitation.peer;
    this.#up.promise.catch(() => {});
    const { upMs } = options.limits;
    this.#setTimer(upMs, () => this.close(new FairleadError("session.timeout", `not up after ${upMs} ms`)));
    void this.#start();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Resolves when streams flow; rejects with the FairleadError that ended the session before. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when the session is closed and its lane is gone. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Streams open now, both sides'. */
  get streams(): number {
    return this.#streams?.streams ?? 0;
  }

  /** Opens a stream on a session that is up. @throws FairleadError stream.limit, or why it takes no more. */
  open(service: string): SessionStream {
    if (this.#streams === null) throw new FairleadError("session.closed");
    const duplex = new SessionStream();
    return duplex.attach(this.#streams.open(service, duplex));
  }

  /** Ends the session now; its streams are reset with `error` on both sides. */
  close(error: FairleadError): void {
    if (this.#state === "closed") return;
    if (this.#streams !== null) this.#streams.fail(error);
    else this.#end(error);
  }

  // ---- opening --------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    const { invitation, boot, identity, limits } = this.#options;
    try {
      const socket = await this.#options.dial(invitation.ticket);
      if (this.#closed) {
        socket.on("error", () => {});
        socket.terminate();
        this.#gone.resolve();
        return;
      }
      const expected = { session: this.id, generation: this.generation, boot: this.peer.boot };
      this.#carrier = LaneCarrier.over(socket, { expected, boot, timeoutMs: limits.upMs });
      await this.#carrier.ready;
      const role = boot < this.peer.boot ? "server" : "client";
      this.#tls = await secure(this.#carrier, { role, identity, peerSite: this.peer.site });
      if (this.#closed) return;
      this.#run(this.#tls, role);
    } catch (thrown) {
      // What the other side said when it ended the lane tells more than how TLS saw that end.
      const error = this.#carrier?.failure ?? asFairleadError(thrown, "lane.failed");
      this.#end(error);
    }
  }

  #run(tls: TLSSocket, role: "client" | "server"): void {
    const { limits, software } = this.#options;
    const flush = (): void => this.#streams?.flush();
    const streams = new Multiplexer({
      ids: role === "server" ? "even" : "odd",
      window: limits.window,
      maxStreams: limits.maxStreams,
      software,
      effects: {
        send: (chunks) => {
          let more = true;
          tls.cork();
          for (const chunk of chunks) more = tls.write(chunk);
          tls.uncork();
          return more;
        },
        schedule: () => {
          setImmediate(flush);
        },
      },
      events: {
        ready: () => this.#ready(),
        opened: (stream) => {
          const duplex = new SessionStream().attach(stream);
          this.#options.opened(duplex, this);
          return duplex;
        },
        busy: (busy) => this.#busy(busy),
        goaway: () => this.#drain(),
        ended: (error) => this.#end(error),
      },
    });
    this.#streams = streams;
    tls.on("data", (chunk: Buffer) => streams.receive(chunk));
    tls.on("drain", () => streams.drained());
    tls.on("error", (error) => streams.lost(this.#carrier?.failure ?? connectionError(error)));
    tls.on("end", () => streams.lost(new FairleadError("session.lost", "the peer ended the connection")));
    tls.on("close", () => streams.lost(this.#carrier?.failure ?? new FairleadError("session.lost")));
  }

  #ready(): void {
    this.#move("up");
    this.#up.resolve();
    this.#busy(this.streams > 0);
  }

  // ---- idling and ending ----------------------------------------------------------------------------

  #busy(busy: boolean): void {
    if (this.#state !== "up") return;
    this.#setTimer(busy ? null : this.#options.limits.idleMs, () => {
      this.#streams?.drain(new FairleadError("session.closed", "no streams for a while"));
      this.#drain();
    });
  }

  /** No new streams from here on; a peer that does not say its GOAWAY is not waited for long. */
  #drain(): void {
    if (this.#state !== "up") return;
    this.#move("draining");
    const check = (): void => {
      if (this.streams === 0) this.close(new FairleadError("session.closed"));
      else this.#setTimer(this.#options.limits.lingerMs, check);
    };
    this.#setTimer(this.#options.limits.lingerMs, check);
  }

  #end(error: FairleadError): void {
    if (this.#closed) return;
    this.#move("closed", error);
    this.#setTimer(null);
    this.#up.reject(error);
    if (this.#streams !== null) this.#finishTls();
    else if (this.#carrier !== null) this.#carrier.abort(error);
    this.#leave();
    this.#options.ended(this, error);
  }

  /** Sends close_notify behind the last frames, then lets the lane go. */
  #finishTls(): void {
    const carrier = this.#carrier;
    const tls = this.#tls;
    if (carrier === null || tls === null) return;
    const leave = (): void => {
      clearTimeout(timer);
      tls.destroy();
      carrier.destroy();
    };
    const timer = setTimeout(leave, this.#options.limits.lingerMs);
    if (tls.destroyed || carrier.destroyed) leave();
    else tls.end(leave);
  }

  #leave(): void {
    const carrier = this.#carrier;
    if (carrier === null || carrier.closed) this.#gone.resolve();
    else carrier.once("close", () => this.#gone.resolve());
  }

  get #closed(): boolean {
    return this.#state === "closed";
  }

  #setTimer(ms: number | null, action: () => void = () => {}): void {
    clearTimeout(this.#timer);
    this.#timer = ms === null ? undefined : setTimeout(action, ms);
  }

  /** The only place that changes the state. */
  #move(next: SessionState, why?: FairleadError): void {
    if (!MOVES[this.#state].includes(next)) throw new RangeError(`no move from ${this.#state} to ${next}`);
    const about = {
      session: this.id,
      generation: this.generation,
      peer: this.peer.siteName,
      from: this.#state,
      to: next,
      ...(why === undefined ? {} : { code: why.code, reason: why.message }),
    };
    this.#state = next;
    const level = why !== undefined && SUSPICIOUS.has(why.code) ? "warn" : "debug";
    this.#options.log[level](about, "session");
  }
}
