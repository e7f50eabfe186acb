/**
 * One session with one peer: lanes, carrier, TLS and streams put together, from the invitation to the end.
 *
 *     opening ──peer's HELLO──▶ up ──GOAWAY──▶ draining ──no stream left──▶ closed
 *     any ──failure, cut, close──▶ closed
 *
 * While it is up its carrier may be without lanes: "resuming" when it wants some, "parked" when nobody needs it.
 * TLS and the streams do not notice.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import {
  DEFAULT_WINDOW_BYTES,
  type PipeState,
  RESUME_KEY_BYTES,
  RESUME_KEY_LABEL,
} from "../../protocol/carrier.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import {
  DEFAULT_ENCRYPTION,
  type Encryption,
  type Instance,
  type Invitation,
} from "../../protocol/messages.ts";
import { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import type { VersionRange } from "../../protocol/versions.ts";
import { LaneCarrier } from "./carrier.ts";
import { hopResumeKey } from "./hop-key.ts";
import { Lanes } from "./lanes.ts";
import { PipeCarrier } from "./pipe.ts";
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
  /** Where the carrier ends with its lane: a session without streams for this long is closed. */
  idleMs: number;
  /** A session without streams for this long lets its lanes go, and is closed after being without for longer. */
  parkAfterMs: number;
  parkedMs: number;
  /** A session that gets no lane for this long is closed. */
  sessionTimeoutMs: number;
  /** A new stream waits so long for a session that has no lane at the moment. */
  laneWaitMs: number;
  /** Lanes wanted. */
  lanes: number;
  /** Bytes kept until the peer has acknowledged them. */
  replayBytes: number;
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
  /** Carrier versions to speak; all that there are unless given. */
  carrier?: VersionRange;
  dial: (ticket: string) => Promise<WebSocket>;
  /** Asks the registry for lanes of a higher generation than this. */
  resume: (generation: number) => Promise<Invitation>;
  /** The peer opened a stream. */
  opened: (stream: SessionStream, session: Session) => void;
  /** The session is closed; called once. */
  ended: (session: Session, error: FairleadError) => void;
  log: Log;
}

type Phase = "opening" | "up" | "draining" | "closed";
/** How a session is seen from outside: while it is up, by how its carrier stands. */
export type SessionState = Phase | "resuming" | "parked";

const MOVES: Record<Phase, readonly Phase[]> = {
  opening: ["up", "closed"],
  up: ["draining", "closed"],
  draining: ["closed"],
  closed: [],
};

/** Ends that somebody should look into. */
const SUSPICIOUS = new Set(["session.tampered", "session.untrusted", "session.wrong_peer"]);

/** Between two tries to let the lanes go, ms. */
const PARK_RETRY_MS = 1000;

export class Session {
  readonly id: string;
  readonly peer: Instance;
  /** With hop encryption there is no TLS between the connectors: the streams are on the carrier itself. */
  readonly encryption: Encryption;
  readonly since = new Date();
  readonly #options: SessionOptions;
  readonly #up = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #lanes: Lanes;
  #phase: Phase = "opening";
  #carrier: LaneCarrier | PipeCarrier | null = null;
  /** What the streams are on: TLS over the carrier, or the carrier. */
  #channel: Duplex | null = null;
  #streams: Multiplexer | null = null;
  /** Until up: how long that may take. Then: how long to stay without streams. Then: how long to linger. */
  #timer: NodeJS.Timeout | undefined;
  /** How long to be without lanes. */
  #laneTimer: NodeJS.Timeout | undefined;
  /** Those who wait for a lane. */
  #ended: FairleadError | null = null;
  readonly #waiters = new Set<() => void>();

  /** Starts to open the session at once. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.invitation.session;
    this.peer = options.invitation.peer;
    this.encryption = options.invitation.encryption ?? DEFAULT_ENCRYPTION;
    this.#up.promise.catch(() => {});
    const { upMs } = options.limits;
    this.#lanes = new Lanes({
      ...{ invitation: options.invitation, boot: options.boot, dial: options.dial, upMs, log: options.log },
      // An edge that sends no list of tickets cannot resume either.
      carrier: options.invitation.tickets === undefined ? { min: 1, max: 1 } : options.carrier,
      resume: options.resume,
      received: () => this.#pipe?.received ?? 0,
      windowBytes: DEFAULT_WINDOW_BYTES,
      joined: (meeting, generation, preface) => {
        if (this.#pipe === null) {
          meeting.abort(new FairleadError("session.closed"));
          return;
        }
        this.#pipe.join(meeting, generation, preface);
        if (preface.lane === 0) this.#streams?.pathChanged();
      },
      refused: (error) => this.close(error),
    });
    this.#setTimer(upMs, () => this.close(new FairleadError("session.timeout", `not up after ${upMs} ms`)));
    void this.#start();
  }

  get state(): SessionState {
    const pipe = this.#phase === "up" ? this.#pipe?.pipeState : undefined;
    return pipe === "resuming" || pipe === "parked" ? pipe : this.#phase;
  }

  /** The highest generation of lanes that this side has used. */
  get generation(): number {
    return this.#lanes.generation;
  }

  /** Lanes joined now. */
  get lanes(): number {
    if (this.#phase === "closed" || this.#carrier === null) return 0;
    return this.#pipe === null ? 1 : this.#pipe.lanes;
  }

  /** Round trip to the peer, ms; null while it is not known. */
  get rtt(): number | null {
    return this.#pipe?.rtt ?? null;
  }

  /** Whether lanes of a higher generation can go on with this session. */
  get resumable(): boolean {
    return this.#pipe !== null && this.#lanes.resumable;
  }

  /** Bytes that the carrier keeps: for the peer until acknowledged, of the peer for want of earlier ones. */
  get held(): { readonly out: number; readonly in: number } {
    return this.#pipe?.held ?? { out: 0, in: 0 };
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

  /**
   * Resolves when the session has a lane, waking it if it is parked. @throws FairleadError why it ended, or
   * session.timeout when no lane came in `laneWaitMs`.
   */
  async carried(): Promise<void> {
    await this.up;
    const pipe = this.#pipe;
    if (pipe === null) return;
    const ready = () => pipe.pipeState === "up" || pipe.pipeState === "parking";
    if (ready()) return;
    pipe.wake();
    const { laneWaitMs } = this.#options.limits;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, laneWaitMs);
      this.#waiters.add(done);
    });
    if (ready()) return;
    throw (
      pipe.failure ?? this.#ended ?? new FairleadError("session.timeout", `no lane within ${laneWaitMs} ms`)
    );
  }

  /** An invitation to lanes of a higher generation. */
  invited(invitation: Invitation): void {
    this.#lanes.invited(invitation);
  }

  /** Opens a stream on a session that is up. @throws FairleadError stream.limit, or why it takes no more. */
  open(service: string): SessionStream {
    if (this.#streams === null) throw new FairleadError("session.closed");
    const duplex = new SessionStream();
    return duplex.attach(this.#streams.open(service, duplex));
  }

  /** Ends the session once its streams have ended, and opens no more. Without any way to the peer, at once. */
  drain(error: FairleadError): void {
    if (this.#phase === "draining") return;
    if (this.state === "up" || this.streams > 0) {
      this.#streams?.drain(error);
      this.#drain();
    } else this.close(error);
  }

  /** Ends the session now; its streams are reset with `error` on both sides. */
  close(error: FairleadError): void {
    if (this.#phase === "closed") return;
    if (this.#streams !== null) this.#streams.fail(error);
    else this.#end(error);
  }

  // ---- opening --------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    const { invitation, boot, identity } = this.#options;
    try {
      const { meeting, met } = await this.#lanes.first();
      if (this.#closed) {
        meeting.abort(new FairleadError("session.closed"));
        this.#gone.resolve();
        return;
      }
      if (met.version === 1) this.#carrier = new LaneCarrier(meeting);
      else {
        this.#carrier = this.#makePipe();
        this.#carrier.join(meeting, invitation.generation, met.preface);
        this.#lanes.dialRest();
      }
      const role = boot < this.peer.boot ? "server" : "client";
      if (this.encryption === "hop") {
        this.#run(this.#carrier, role);
        return;
      }
      const tls = await secure(this.#carrier, { role, identity, peerSite: this.peer.site });
      this.#lanes.setKey(this.#exportKey(tls));
      // Kept when the session has ended meanwhile, too: it is closed with the carrier below it.
      this.#channel = tls;
      if (!this.#closed) this.#run(tls, role);
    } catch (thrown) {
      // What the other side said when it ended the lane tells more than how TLS saw that end.
      const error = this.#carrier?.failure ?? asFairleadError(thrown, "lane.failed");
      this.#end(error);
    }
  }

  #exportKey(tls: TLSSocket): Buffer {
    return tls.exportKeyingMaterial(RESUME_KEY_BYTES, RESUME_KEY_LABEL, Buffer.from(this.id));
  }

  #makePipe(): PipeCarrier {
    const { replayBytes } = this.#options.limits;
    return new PipeCarrier({
      replayBytes,
      windowBytes: DEFAULT_WINDOW_BYTES,
      idle: () => this.#phase === "up" && this.streams === 0,
      wantLane: (reason) => {
        this.#options.log.debug({ session: this.id, generation: this.generation, reason }, "lanes wanted");
        if (this.#lanes.resumable) this.#lanes.want();
        else queueMicrotask(() => this.close(new FairleadError("session.lost", "the lane ended too early")));
      },
      moved: (state) => this.#carrierMoved(state),
      measured: (ms) => this.#streams?.noteRoundTrip(ms),
    });
  }

  #carrierMoved(state: PipeState): void {
    const about = { session: this.id, generation: this.generation, peer: this.peer.siteName, to: state };
    this.#options.log.debug(about, "carrier");
    if (state === "up") {
      this.#setLaneTimer(null);
      for (const waiter of [...this.#waiters]) waiter();
      if (this.streams === 0) this.#busy(false);
    } else if (state === "resuming") {
      const { sessionTimeoutMs } = this.#options.limits;
      const why = `no lane for ${sessionTimeoutMs} ms`;
      this.#setLaneTimer(sessionTimeoutMs, () => this.close(new FairleadError("session.timeout", why)));
    } else if (state === "parked") {
      const closed = new FairleadError("session.closed", "no streams for long");
      this.#setLaneTimer(this.#options.limits.parkedMs, () => this.close(closed));
    }
  }

  #run(channel: Duplex, role: "client" | "server"): void {
    const { limits, software } = this.#options;
    // TLS would yield the key. Here both sides give a share, and the edge, which reads along, gets it too.
    const share = this.encryption === "hop" ? randomBytes(RESUME_KEY_BYTES).toString("base64url") : null;
    this.#channel = channel;
    const flush = (): void => this.#streams?.flush();
    const streams = new Multiplexer({
      ids: role === "server" ? "even" : "odd",
      window: limits.window,
      maxStreams: limits.maxStreams,
      software,
      ...(share === null ? {} : { resumeKey: share }),
      effects: {
        send: (chunks) => {
          let more = true;
          channel.cork();
          for (const chunk of chunks) more = channel.write(chunk);
          channel.uncork();
          return more;
        },
        schedule: () => {
          setImmediate(flush);
        },
      },
      events: {
        ready: ({ resumeKey }) => {
          if (share !== null) this.#lanes.setKey(hopResumeKey(this.id, role, share, resumeKey));
          this.#ready();
        },
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
    channel.on("data", (chunk: Buffer) => streams.receive(chunk));
    channel.on("drain", () => streams.drained());
    channel.on("error", (error) => streams.lost(this.#carrier?.failure ?? connectionError(error)));
    channel.on("end", () => streams.lost(new FairleadError("session.lost", "the peer ended the connection")));
    channel.on("close", () => streams.lost(this.#carrier?.failure ?? new FairleadError("session.lost")));
  }

  #ready(): void {
    this.#move("up");
    this.#up.resolve();
    this.#busy(this.streams > 0);
  }

  // ---- idling and ending ----------------------------------------------------------------------------

  #busy(busy: boolean): void {
    if (this.#phase !== "up") return;
    const { idleMs, parkAfterMs } = this.#options.limits;
    const pipe = this.#pipe;
    if (busy) this.#setTimer(null);
    else if (pipe !== null) this.#setTimer(parkAfterMs, () => this.#park(pipe));
    else {
      this.#setTimer(idleMs, () => {
        this.#streams?.drain(new FairleadError("session.closed", "no streams for a while"));
        this.#drain();
      });
    }
  }

  /** What is still under way arrives soon: then once more. */
  #park(pipe: PipeCarrier): void {
    if (this.#phase !== "up" || this.streams > 0 || pipe.pipeState !== "up" || pipe.park()) return;
    this.#setTimer(PARK_RETRY_MS, () => this.#park(pipe));
  }

  /** No new streams from here on; a peer that does not say its GOAWAY is not waited for long. */
  #drain(): void {
    if (this.#phase !== "up") return;
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
    this.#ended = error;
    this.#setTimer(null);
    this.#setLaneTimer(null);
    this.#lanes.stop();
    this.#up.reject(error);
    for (const waiter of [...this.#waiters]) waiter();
    if (this.#streams !== null) this.#finish();
    else if (this.#carrier !== null) this.#carrier.abort(error);
    this.#leave();
    this.#options.ended(this, error);
  }

  /** Ends TLS, or the carrier, behind the last frames, then lets the lane go. */
  #finish(): void {
    const carrier = this.#carrier;
    const channel = this.#channel;
    if (carrier === null || channel === null) return;
    const leave = (): void => {
      clearTimeout(timer);
      channel.destroy();
      carrier.destroy();
    };
    const timer = setTimeout(leave, this.#options.limits.lingerMs);
    if (channel.destroyed || carrier.destroyed) leave();
    else channel.end(leave);
  }

  #leave(): void {
    const carrier = this.#carrier;
    if (carrier === null || carrier.closed) this.#gone.resolve();
    else carrier.once("close", () => this.#gone.resolve());
  }

  get #closed(): boolean {
    return this.#phase === "closed";
  }

  get #pipe(): PipeCarrier | null {
    return this.#carrier instanceof PipeCarrier ? this.#carrier : null;
  }

  #setLaneTimer(ms: number | null, action: () => void = () => {}): void {
    clearTimeout(this.#laneTimer);
    this.#laneTimer = ms === null ? undefined : setTimeout(action, ms).unref();
  }

  #setTimer(ms: number | null, action: () => void = () => {}): void {
    clearTimeout(this.#timer);
    this.#timer = ms === null ? undefined : setTimeout(action, ms);
  }

  /** The only place that changes the state. */
  #move(next: Phase, why?: FairleadError): void {
    if (!MOVES[this.#phase].includes(next)) throw new RangeError(`no move from ${this.#phase} to ${next}`);
    const about = {
      session: this.id,
      generation: this.generation,
      peer: this.peer.siteName,
      from: this.#phase,
      to: next,
      ...(why === undefined ? {} : { code: why.code, reason: why.message }),
    };
    this.#phase = next;
    const level = why !== undefined && SUSPICIOUS.has(why.code) ? "warn" : "debug";
    this.#options.log[level](about, "session");
  }
}
