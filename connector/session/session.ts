/**
 * A session with one peer, from the invitation to the end: lanes, carrier, TLS and streams. Its phases are in
 * protocol/session/state.ts. An up session may be without lanes; TLS and the streams above the carrier do not
 * notice.
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
import { SESSION_FEATURES } from "../../protocol/streams/features.ts";
import type { Open } from "../../protocol/streams/frames.ts";
import type { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import {
  DEFAULT_ENCRYPTION,
  type Encryption,
  type Instance,
  type Invitation,
} from "../../protocol/uplink/messages.ts";
import { attachStreams } from "./attach-streams.ts";
import { hopResumeKey } from "./hop-key.ts";
import { IdleTimer } from "./idle-timer.ts";
import { LaneOutage } from "./lane-outage.ts";
import { LaneRecovery } from "./lane-recovery.ts";
import type { SessionOptions } from "./options.ts";
import { SessionStream } from "./session-stream.ts";
import { Transport } from "./transport.ts";

export class Session {
  readonly id: string;
  readonly peer: Instance;
  /** With hop encryption there is no TLS between the connectors: the streams run on the carrier itself. */
  readonly encryption: Encryption;
  readonly since = new Date();
  readonly #options: SessionOptions;
  readonly #up = Promise.withResolvers<void>();
  readonly #role: "client" | "server";
  readonly #lanes: LaneRecovery;
  readonly #transport: Transport;
  readonly #phases: SessionPhases;
  readonly #outage: LaneOutage;
  readonly #idleTimer: IdleTimer;
  #streams: Multiplexer | null = null;

  /** Begins to open the session. */
  constructor(options: SessionOptions) {
    const { invitation, self, dial, identity, limits, log, memory, resume } = options;
    this.#options = options;
    this.id = invitation.session;
    this.peer = invitation.peer;
    this.encryption = invitation.encryption ?? DEFAULT_ENCRYPTION;
    this.#role = compareInstances(self, this.peer) < 0 ? "server" : "client";
    this.#up.promise.catch(() => {});
    const close = (error: FairleadError): void => this.close(error);
    this.#phases = new SessionPhases((from, to, why) => this.#logPhase(from, to, why));
    this.#outage = new LaneOutage(limits, close);
    this.#lanes = new LaneRecovery({
      invitation,
      self,
      dial,
      resume,
      upMs: limits.upMs,
      log,
      // An edge that sends no list of tickets cannot resume sessions.
      carrier: invitation.tickets === undefined ? { min: 1, max: 1 } : options.carrier,
      received: () => this.#transport.carrierV2?.received ?? 0,
      windowBytes: DEFAULT_WINDOW_BYTES,
      joined: (handshake, generation, preface) => {
        this.#transport.join(handshake, generation, preface);
        if (preface.lane === 0) this.#streams?.pathChanged();
      },
      refused: (error) => this.cut(error),
    });
    this.#transport = new Transport({
      invitation,
      limits,
      memory,
      identity,
      role: this.#role,
      encryption: this.encryption,
      lanes: this.#lanes,
      carrier: {
        idle: () => this.#phases.phase === "up" && this.streams === 0,
        lanesNeeded: (reason) => this.#recoverLanes(reason),
        stateChanged: (state) => this.#carrierMoved(state),
        roundTripMeasured: (ms) => this.#streams?.noteRoundTrip(ms),
      },
    });
    this.#idleTimer = new IdleTimer(limits, {
      phase: () => this.#phases.phase,
      streams: () => this.streams,
      carrier: () => this.#transport.carrierV2,
      drain: (error) => this.#drainNow(error),
      close,
    });
    void this.#start();
  }

  get state(): SessionState {
    return sessionState(this.#phases.phase, this.#transport.carrierV2?.carrierState);
  }

  /** The highest generation of lanes that this side has used. */
  get generation(): number {
    return this.#lanes.generation;
  }

  /** Count of joined lanes. */
  get lanes(): number {
    return this.#transport.lanes;
  }

  /** Round trip to the peer, ms; null before the first measurement. */
  get rtt(): number | null {
    return this.#transport.carrierV2?.rtt ?? null;
  }

  /**
   * Time since the last message from the peer, ms; null before the first, and with a carrier of version 1.
   */
  get silentMs(): number | null {
    return this.#transport.carrierV2?.silentMs ?? null;
  }

  /** Whether the session can continue over lanes of a higher generation. */
  get resumable(): boolean {
    return this.#transport.carrierV2 !== null && this.#lanes.resumable;
  }

  /** Bytes in the carrier's buffers: sent and not acknowledged, and received out of order. */
  get held(): { readonly out: number; readonly in: number } {
    return this.#transport.carrierV2?.held ?? { out: 0, in: 0 };
  }

  /** Resolves when the session is up; rejects with the FairleadError that ended it before. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when the session and its last lane are closed. */
  get closed(): Promise<void> {
    return this.#transport.closed;
  }

  /** Features that the peer named in HELLO. */
  get peerFeatures(): readonly string[] {
    return this.#streams?.peerFeatures ?? [];
  }

  /** Streams open now, of both sides. */
  get streams(): number {
    return this.#streams?.streams ?? 0;
  }

  /**
   * Resolves when the session is up and has a lane.
   * @throws FairleadError as {@link LaneOutage.waitForLane}.
   */
  async waitForLane(): Promise<void> {
    await this.up;
    const { carrierV2 } = this.#transport;
    if (carrierV2 !== null) await this.#outage.waitForLane(carrierV2);
  }

  /** Takes an invitation to lanes of a higher generation. */
  invited(invitation: Invitation): void {
    this.#lanes.invited(invitation);
  }

  /**
   * Opens a stream; the session must be up.
   * @throws FairleadError `stream.limit`; `stream.kind_unsupported`; or the reason to open no more.
   */
  open(request: Open): SessionStream {
    if (this.#streams === null) throw new FairleadError("session.closed");
    const duplex = new SessionStream(this.id);
    return duplex.attach(this.#streams.open(request, duplex));
  }

  /**
   * Opens no more streams, and closes the session once its streams have ended. Without streams or lanes,
   * closes now.
   */
  drain(error: FairleadError): void {
    if (this.#phases.phase === "draining") return;
    if (this.state === "up" || this.streams > 0) this.#drainNow(error);
    else this.close(error);
  }

  /**
   * Closes the session for the registry. The registry infers `session.peer_gone` from the peer's uplink, so a
   * session that is up ignores it.
   */
  cut(error: FairleadError): void {
    if (error.code === "session.peer_gone" && this.state === "up") return;
    this.close(error);
  }

  /** Closes the session now, and resets its streams with `error` on both sides. */
  close(error: FairleadError): void {
    if (this.#isClosed) return;
    if (this.#streams !== null) this.#streams.fail(error);
    else this.#end(error);
  }

  // ---- opening --------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    try {
      const channel = await this.#transport.open();
      if (!this.#isClosed) this.#run(channel);
    } catch (thrown) {
      // The reason that the peer gave for the end of the lane is more specific than the error of TLS.
      this.#end(this.#transport.failure ?? asFairleadError(thrown, "lane.failed"));
    }
  }

  #recoverLanes(reason: LaneReason): void {
    this.#options.log.debug({ generation: this.generation, reason }, "The session needs lanes.");
    const early = "The lane ended before the session could be resumed.";
    if (this.#lanes.resumable) this.#lanes.recover();
    else queueMicrotask(() => this.close(new FairleadError("session.lost", early)));
  }

  #carrierMoved(to: CarrierState): void {
    this.#options.log.debug({ generation: this.generation, to }, `The carrier is ${to}.`);
    this.#outage.carrierMoved(to);
    if (to === "up") this.#idleTimer.restart();
  }

  #run(channel: Duplex): void {
    const { limits, memory, software, features = SESSION_FEATURES } = this.#options;
    // TLS exports the resume key. Without TLS each side sends a share, which the edge can read.
    const share = this.encryption === "hop" ? randomBytes(RESUME_KEY_BYTES).toString("base64url") : null;
    this.#streams = attachStreams(channel, {
      session: this.id,
      role: this.#role,
      limits,
      memory,
      software,
      features,
      share,
      ready: ({ resumeKey }) => {
        if (share !== null) this.#lanes.setKey(hopResumeKey(this.id, this.#role, share, resumeKey));
        this.#ready();
      },
      opened: (stream) => this.#options.opened(stream),
      busy: () => this.#idleTimer.restart(),
      goaway: () => this.#startDraining(),
      ended: (error) => this.#end(error),
      failure: () => this.#transport.failure,
    });
  }

  #ready(): void {
    this.#phases.move("up");
    this.#up.resolve();
    this.#idleTimer.restart();
  }

  // ---- ending ---------------------------------------------------------------------------------------

  #drainNow(error: FairleadError): void {
    this.#streams?.drain(error);
    this.#startDraining();
  }

  #startDraining(): void {
    if (this.#phases.phase !== "up") return;
    this.#phases.move("draining");
    this.#idleTimer.drain();
  }

  #end(error: FairleadError): void {
    if (this.#isClosed) return;
    this.#phases.move("closed", error);
    this.#idleTimer.stop();
    this.#lanes.stop();
    this.#up.reject(error);
    this.#outage.end(error);
    if (this.#streams !== null) this.#transport.finish();
    else this.#transport.abort(error);
    this.#options.ended(error);
  }

  get #isClosed(): boolean {
    return this.#phases.phase === "closed";
  }

  #logPhase(from: SessionPhase, to: SessionPhase, why: FairleadError | undefined): void {
    const reason = why === undefined ? {} : { code: why.code, reason: why.message };
    const level = why !== undefined && isSuspiciousEnd(why.code) ? "warn" : "debug";
    this.#options.log[level]({ generation: this.generation, from, to, ...reason }, `The session is ${to}.`);
  }
}
