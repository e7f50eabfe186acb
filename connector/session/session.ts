/**
 * One session with one peer: lanes, carrier, TLS and streams put together, from the invitation to the end. Its phases
 * are in protocol/session/state.ts. While it is up its carrier may be without lanes; TLS and the streams do not notice.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { type CarrierState, DEFAULT_WINDOW_BYTES, type LaneReason } from "../../protocol/carrier/index.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { compareInstances } from "../../protocol/instance-id.ts";
import { RESUME_KEY_BYTES } from "../../protocol/session/resume-proof.ts";
import {
  isSuspiciousEnd,
  type SessionPhase,
  SessionPhases,
  type SessionState,
  sessionState,
} from "../../protocol/session/state.ts";
import type { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import {
  DEFAULT_ENCRYPTION,
  type Encryption,
  type Instance,
  type Invitation,
} from "../../protocol/uplink/messages.ts";
import { multiplex } from "./attach-streams.ts";
import { hopResumeKey } from "./hop-key.ts";
import { Idling } from "./idle-timer.ts";
import { Laneless } from "./lane-outage.ts";
import { Lanes } from "./lane-recovery.ts";
import type { SessionOptions } from "./options.ts";
import { SessionStream } from "./session-stream.ts";
import { Transport } from "./transport.ts";

export class Session {
  readonly id: string;
  readonly peer: Instance;
  /** With hop encryption there is no TLS between the connectors: the streams are on the carrier itself. */
  readonly encryption: Encryption;
  readonly since = new Date();
  readonly #options: SessionOptions;
  readonly #up = Promise.withResolvers<void>();
  readonly #role: "client" | "server";
  readonly #lanes: Lanes;
  readonly #transport: Transport;
  readonly #phases: SessionPhases;
  readonly #laneless: Laneless;
  readonly #idling: Idling;
  #streams: Multiplexer | null = null;

  /** Starts to open the session at once. */
  constructor(options: SessionOptions) {
    const { invitation, self, dial, limits, log, resume } = options;
    this.#options = options;
    this.id = invitation.session;
    this.peer = invitation.peer;
    this.encryption = invitation.encryption ?? DEFAULT_ENCRYPTION;
    this.#role = compareInstances(self, this.peer) < 0 ? "server" : "client";
    this.#up.promise.catch(() => {});
    const close = (error: FairleadError): void => this.close(error);
    this.#phases = new SessionPhases((from, to, why) => this.#logPhase(from, to, why));
    this.#laneless = new Laneless(limits, close);
    this.#lanes = new Lanes({
      ...{ invitation, self, dial, resume, upMs: limits.upMs, log },
      // An edge that sends no list of tickets cannot resume either.
      carrier: invitation.tickets === undefined ? { min: 1, max: 1 } : options.carrier,
      received: () => this.#transport.pipe?.received ?? 0,
      windowBytes: DEFAULT_WINDOW_BYTES,
      joined: (meeting, generation, preface) => {
        this.#transport.join(meeting, generation, preface);
        if (preface.lane === 0) this.#streams?.pathChanged();
      },
      refused: (error) => this.cut(error),
    });
    this.#transport = new Transport({
      ...{
        invitation,
        limits,
        memory: options.memory,
        identity: options.identity,
        role: this.#role,
        encryption: this.encryption,
      },
      lanes: this.#lanes,
      pipe: {
        idle: () => this.#phases.phase === "up" && this.streams === 0,
        wantLane: (reason) => this.#wantLane(reason),
        moved: (state) => this.#carrierMoved(state),
        measured: (ms) => this.#streams?.noteRoundTrip(ms),
      },
    });
    this.#idling = new Idling(limits, {
      phase: () => this.#phases.phase,
      streams: () => this.streams,
      pipe: () => this.#transport.pipe,
      drain: (error) => this.#drainNow(error),
      close,
    });
    void this.#start();
  }

  get state(): SessionState {
    return sessionState(this.#phases.phase, this.#transport.pipe?.pipeState);
  }

  /** The highest generation of lanes that this side has used. */
  get generation(): number {
    return this.#lanes.generation;
  }

  /** Lanes joined now. */
  get lanes(): number {
    return this.#transport.lanes;
  }

  /** Round trip to the peer, ms; null while it is not known. */
  get rtt(): number | null {
    return this.#transport.pipe?.rtt ?? null;
  }

  /** How long nothing came from the peer, ms; null before something did, and where the carrier asks for no sign of life. */
  get silentMs(): number | null {
    return this.#transport.pipe?.silentMs ?? null;
  }

  /** Whether lanes of a higher generation can go on with this session. */
  get resumable(): boolean {
    return this.#transport.pipe !== null && this.#lanes.resumable;
  }

  /** Bytes that the carrier keeps: for the peer until acknowledged, of the peer for want of earlier ones. */
  get held(): { readonly out: number; readonly in: number } {
    return this.#transport.pipe?.held ?? { out: 0, in: 0 };
  }

  /** Resolves when streams flow; rejects with the FairleadError that ended the session before. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when the session is closed and its lane is gone. */
  get gone(): Promise<void> {
    return this.#transport.gone;
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
    const { pipe } = this.#transport;
    if (pipe !== null) await this.#laneless.over(pipe);
  }

  /** An invitation to lanes of a higher generation. */
  invited(invitation: Invitation): void {
    this.#lanes.invited(invitation);
  }

  /** Opens a stream on a session that is up. @throws FairleadError stream.limit, or why it takes no more. */
  open(service: string, hops = 0): SessionStream {
    if (this.#streams === null) throw new FairleadError("session.closed");
    const duplex = new SessionStream();
    return duplex.attach(this.#streams.open(service, duplex, hops));
  }

  /** Ends the session once its streams have ended, and opens no more. Without any way to the peer, at once. */
  drain(error: FairleadError): void {
    if (this.#phases.phase === "draining") return;
    if (this.state === "up" || this.streams > 0) {
      this.#drainNow(error);
    } else this.close(error);
  }

  /**
   * The registry says that the session is over. That the peer's process is gone it tells from its uplink: a lane that
   * carries knows better.
   */
  cut(error: FairleadError): void {
    if (error.code === "session.peer_gone" && this.state === "up") return;
    this.close(error);
  }

  /** Ends the session now; its streams are reset with `error` on both sides. */
  close(error: FairleadError): void {
    if (this.#closed) return;
    if (this.#streams !== null) this.#streams.fail(error);
    else this.#end(error);
  }

  // ---- opening --------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    try {
      const channel = await this.#transport.open();
      if (!this.#closed) this.#run(channel);
    } catch (thrown) {
      // What the other side said when it ended the lane tells more than how TLS saw that end.
      this.#end(this.#transport.failure ?? asFairleadError(thrown, "lane.failed"));
    }
  }

  #wantLane(reason: LaneReason): void {
    this.#options.log.debug({ session: this.id, generation: this.generation, reason }, "lanes wanted");
    if (this.#lanes.resumable) this.#lanes.want();
    else queueMicrotask(() => this.close(new FairleadError("session.lost", "the lane ended too early")));
  }

  #carrierMoved(to: CarrierState): void {
    this.#options.log.debug({ ...this.#about, to }, "carrier");
    this.#laneless.moved(to);
    if (to === "up") this.#idling.review();
  }

  #run(channel: Duplex): void {
    const { limits, memory, software } = this.#options;
    // TLS would yield the key. Here both sides give a share, and the edge, which reads along, gets it too.
    const share = this.encryption === "hop" ? randomBytes(RESUME_KEY_BYTES).toString("base64url") : null;
    this.#streams = multiplex(channel, {
      ...{ role: this.#role, limits, memory, software, share },
      ready: ({ resumeKey }) => {
        if (share !== null) this.#lanes.setKey(hopResumeKey(this.id, this.#role, share, resumeKey));
        this.#ready();
      },
      opened: (stream) => this.#options.opened(stream),
      busy: () => this.#idling.review(),
      goaway: () => this.#drained(),
      ended: (error) => this.#end(error),
      failure: () => this.#transport.failure,
    });
  }

  #ready(): void {
    this.#phases.move("up");
    this.#up.resolve();
    this.#idling.review();
  }

  // ---- ending ---------------------------------------------------------------------------------------

  #drainNow(error: FairleadError): void {
    this.#streams?.drain(error);
    this.#drained();
  }

  /** No new streams from here on. */
  #drained(): void {
    if (this.#phases.phase !== "up") return;
    this.#phases.move("draining");
    this.#idling.draining();
  }

  #end(error: FairleadError): void {
    if (this.#closed) return;
    this.#phases.move("closed", error);
    this.#idling.stop();
    this.#lanes.stop();
    this.#up.reject(error);
    this.#laneless.end(error);
    if (this.#streams !== null) this.#transport.finish();
    else this.#transport.abort(error);
    this.#options.ended(error);
  }

  get #closed(): boolean {
    return this.#phases.phase === "closed";
  }

  #logPhase(from: SessionPhase, to: SessionPhase, why: FairleadError | undefined): void {
    const reason = why === undefined ? {} : { code: why.code, reason: why.message };
    const level = why !== undefined && isSuspiciousEnd(why.code) ? "warn" : "debug";
    this.#options.log[level]({ ...this.#about, from, to, ...reason }, "session");
  }

  /** Which session it is, for the log. */
  get #about(): object {
    return { session: this.id, generation: this.generation, peer: this.peer.siteName };
  }
}
