/**
 * The sessions of this connector: at most one for each other instance and encryption mode, opened on demand
 * by either side. The options supply the registry's invitations, the dial of a lane and the owner of a peer's
 * streams.
 */
import {
  asFairleadError,
  ERRORS,
  type ErrorCode,
  FairleadError,
  isErrorCode,
} from "../../protocol/errors.ts";
import { type InstanceId, instanceKey, isSameInstance } from "../../protocol/instance-id.ts";
import { MemoryBudget } from "../../protocol/memory-budget.ts";
import { decideInvitation, encryptionOf } from "../../protocol/session/policy.ts";
import { pathRoundTrip, timeLimit } from "../../protocol/time-limits.ts";
import {
  DEFAULT_ENCRYPTION,
  type Encryption,
  type Instance,
  type Invitation,
} from "../../protocol/uplink/messages.ts";
import { withTimeout } from "../async/timeout.ts";
import type { Log } from "../log.ts";
import { LogThrottle } from "../log-throttle.ts";
import { gcPacing } from "./gc-pacing.ts";
import { DEFAULT_LIMITS, limitsOver, type SessionLimits } from "./limits.ts";
import type { SessionManagerOptions, SessionSummary, StreamRequest } from "./options.ts";
import { Session } from "./session.ts";
import type { SessionStream } from "./session-stream.ts";

export type { SessionManagerOptions, SessionSummary, Signalling, StreamOrigin } from "./options.ts";
export type { SessionStream } from "./session-stream.ts";
export type { SessionIdentity } from "./tls.ts";

/** Failures that a fresh invitation cures, in addition to those that the error table marks as retryable. */
const STALE: readonly ErrorCode[] = ["ticket.invalid", "ticket.stale", "ticket.replayed", "lane.taken"];

/** Whether to request another session after one failed with `code`. */
function isWorthRetrying(code: ErrorCode): boolean {
  return STALE.includes(code) || (ERRORS[code].retry && !code.startsWith("stream."));
}

/** Key of a session in `#current`. TLS proves the site before any stream flows. */
const keyOf = (peer: InstanceId, encryption: Encryption): string => `${instanceKey(peer)} ${encryption}`;

/** Whether a session takes new streams. */
const isUsable = (session: Session | undefined): session is Session =>
  session !== undefined && session.state !== "draining" && session.state !== "closed";

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #limits: SessionLimits;
  readonly #memory: MemoryBudget;
  /** All sessions that are not closed, including draining ones. */
  readonly #sessions = new Set<Session>();
  /** The session for new streams, by instance and encryption mode. */
  readonly #current = new Map<string, Session>();
  /** Pending requests to the registry, by instance and encryption mode. */
  readonly #requests = new Map<string, Promise<Session>>();
  /** Offers that were not taken: a peer can make them at any rate. */
  readonly #untaken: LogThrottle;
  #closing = false;
  #draining = false;

  /** Starts the process's {@link gcPacing}, too. */
  constructor(options: SessionManagerOptions) {
    gcPacing.start();
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#memory = options.memory ?? new MemoryBudget();
    this.#untaken = new LogThrottle(
      options.log,
      (count) => `Further offers of sessions not taken: ${count}.`,
    );
  }

  /**
   * Opens a stream in a session that is up and has a lane. Returns null where there is none, or where it takes no more
   * streams: {@link open} has the reason.
   */
  openNow(
    service: string,
    peer: Instance,
    { encryption = DEFAULT_ENCRYPTION, ...request }: StreamRequest = {},
  ): SessionStream | null {
    const current = this.#current.get(keyOf(peer, encryption));
    if (this.#closing || this.#draining || !isUsable(current) || current.state !== "up") return null;
    try {
      return current.open({ service, ...request });
    } catch {
      return null;
    }
  }

  /**
   * Opens a stream to a service at a peer. Resolves when the session is up and has a lane. The stream can be
   * written at once; its `accepted` reports the peer's answer.
   * @throws FairleadError `session.*`, `lane.*`, `ticket.*` when the second attempt at a session failed, too;
   * `stream.limit`; `stream.kind_unsupported`; the code with which the registry refused.
   */
  async open(
    service: string,
    peer: Instance,
    { encryption = DEFAULT_ENCRYPTION, ...request }: StreamRequest = {},
  ): Promise<SessionStream> {
    for (let last = false; ; last = true) {
      const session = await this.#sessionWith(service, peer, encryption);
      try {
        await session.waitForLane();
        return session.open({ service, ...request });
      } catch (thrown) {
        const error = asFairleadError(thrown, "session.lost");
        if (last || !isWorthRetrying(error.code)) throw error;
        const about = {
          service,
          peer: peer.siteName,
          peerSite: peer.site,
          session: session.id,
          code: error.code,
        };
        this.#options.log.debug(about, `The session failed and is requested again: ${error.message}`);
      }
    }
  }

  /** Takes an invitation that the peer requested: to a session, or to new lanes of one. */
  offered(invitation: Invitation): void {
    try {
      this.#begin(invitation);
    } catch (thrown) {
      const { code, message } = asFairleadError(thrown, "session.closed");
      const { session, peer } = invitation;
      const kind = { origin: { peer: peer.siteName, peerSite: peer.site }, about: { code } };
      this.#untaken.write("warn", kind, { session }, `The offer of a session was not taken: ${message}`);
    }
  }

  /** Closes a session for the registry. Its streams are reset with `code`. */
  cut(session: string, code: string): void {
    const error = new FairleadError(
      isErrorCode(code) ? code : "session.closed",
      `The registry ended the session with ${code}.`,
    );
    for (const each of [...this.#sessions]) if (each.id === session) each.cut(error);
  }

  sessions(): SessionSummary[] {
    return Array.from(this.#sessions, (session) => ({
      session: session.id,
      generation: session.generation,
      peer: session.peer,
      encryption: session.encryption,
      state: session.state,
      peerFeatures: session.peerFeatures,
      streams: session.streams,
      lanes: session.lanes,
      rtt: session.rtt,
      held: session.held,
      since: session.since.toISOString(),
    }));
  }

  /** Count of streams open now with an instance, of both sides. */
  openStreamsTo(peer: InstanceId): number {
    let count = 0;
    for (const { peer: other, streams } of this.#sessions) if (isSameInstance(other, peer)) count += streams;
    return count;
  }

  /**
   * The liveness of the session that new streams to an instance use: the time since its last message and its
   * round trip, ms. Each is null while unknown.
   */
  liveness(
    peer: Instance,
    encryption: Encryption = DEFAULT_ENCRYPTION,
  ): { readonly silentMs: number | null; readonly roundTripMs: number | null } {
    const session = this.#current.get(keyOf(peer, encryption));
    return { silentMs: session?.silentMs ?? null, roundTripMs: session?.rtt ?? null };
  }

  /** Count of streams open now, in all sessions. */
  get streams(): number {
    let count = 0;
    for (const { streams } of this.#sessions) count += streams;
    return count;
  }

  /**
   * Stops opening and accepting streams: peers receive GOAWAY, and a later OPEN is refused with
   * `service.draining`. Sessions with streams continue, over new lanes if needed. Resolves when no session is
   * left.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const all = [...this.#sessions];
    for (const session of all) session.drain(stopping());
    await Promise.all(all.map(({ closed }) => closed));
  }

  /** Closes all sessions and takes no more. Resolves when their lanes are closed. */
  async close(code: ErrorCode = "session.closed"): Promise<void> {
    this.#closing = true;
    this.#untaken.close();
    const all = [...this.#sessions];
    for (const session of all) session.close(new FairleadError(code));
    await Promise.all(all.map(({ closed }) => closed));
  }

  /** This instance. */
  get #self(): InstanceId {
    return { site: this.#options.identity().site, boot: this.#options.boot };
  }

  // ---- obtaining a session --------------------------------------------------------------------------

  async #sessionWith(service: string, peer: Instance, encryption: Encryption): Promise<Session> {
    if (this.#closing || this.#draining) throw stopping();
    const key = keyOf(peer, encryption);
    const current = this.#current.get(key);
    if (isUsable(current)) return current;
    const pending = this.#requests.get(key);
    if (pending !== undefined) return pending;
    const request = this.#request(service, peer, encryption).finally(() => this.#requests.delete(key));
    this.#requests.set(key, request);
    return request;
  }

  async #request(service: string, peer: Instance, encryption: Encryption): Promise<Session> {
    const limitMs = timeLimit("request", this.#options.edgeRoundTrip?.() ?? null, this.#limits.upMs);
    const late = () => new FairleadError("session.timeout", "The registry did not answer in time.");
    try {
      const { site, boot } = peer;
      const { lanes } = this.#limits;
      const asked = this.#options.signalling.request(service, { site, boot }, lanes, encryption);
      const invitation = await withTimeout(asked, limitMs, late);
      if (!isSameInstance(invitation.peer, peer)) {
        throw new FairleadError(
          "session.wrong_peer",
          "The registry granted a session with another instance.",
        );
      }
      if (encryptionOf(invitation) !== encryption) {
        const why = "The registry granted a session of another encryption mode.";
        throw this.#refuse(invitation, "session.forbidden", why);
      }
      return this.#begin(invitation);
    } catch (error) {
      // The peer's own request may have opened a session meanwhile.
      const current = this.#current.get(keyOf(peer, encryption));
      if (isUsable(current)) return current;
      throw asFairleadError(error, "session.lost");
    }
  }

  /** Acts on an invitation: begins its session, or gives its lanes to the held session. */
  #begin(invitation: Invitation): Session {
    const held = this.#held(invitation);
    const decision = decideInvitation(invitation, held, {
      self: this.#self,
      closing: this.#closing,
      draining: this.#draining,
      allowsHop: this.#options.allowsHop?.() ?? false,
    });
    if (held !== undefined && decision.what === "resume") held.invited(invitation);
    if (held !== undefined && (decision.what === "resume" || decision.what === "known")) return held;
    if (decision.what === "ignore") throw new FairleadError(decision.code, decision.why);
    if (decision.what === "refuse") {
      if (decision.replaced) {
        const why = "The peer continues a session that is not open here.";
        held?.close(new FairleadError("session.replaced", why));
      }
      throw this.#refuse(invitation, decision.code, decision.why);
    }
    if (!this.#hasRoom(invitation.peer.site)) {
      // Reported as `session.unknown`, on which the peer's clients try another instance at once.
      const full = `The limit on sessions with ${invitation.peer.siteName}, or with all sites, is reached.`;
      this.#refuse(invitation, "session.unknown", full);
      throw new FairleadError("session.limit", full);
    }
    return this.#start(invitation);
  }

  /**
   * Whether a site may have another session. At a limit, closes the oldest session without streams to make
   * room.
   */
  #hasRoom(site: string): boolean {
    const { maxSessions, maxSessionsPerSite } = this.#limits;
    const theirs = [...this.#sessions].filter(({ peer }) => peer.site === site);
    const isFull = theirs.length >= maxSessionsPerSite;
    if (!isFull && this.#sessions.size < maxSessions) return true;
    const unused = (isFull ? theirs : [...this.#sessions]).find(
      ({ state, streams }) => state !== "opening" && streams === 0,
    );
    unused?.close(new FairleadError("session.limit"));
    return unused !== undefined;
  }

  #start(invitation: Invitation): Session {
    const { peer } = invitation;
    const encryption = encryptionOf(invitation);
    const key = keyOf(peer, encryption);
    const current = this.#current.get(key);
    const { identity, software = "fairlead", dial, carrier, signalling } = this.#options;
    const own = this.#options.edgeRoundTrip?.() ?? null;
    const limits = limitsOver(pathRoundTrip(own, invitation.rtt ?? null), this.#limits);
    const session = new Session({
      invitation,
      self: this.#self,
      identity: identity(),
      software,
      limits,
      dial,
      log: this.#logOf(invitation),
      memory: this.#memory.open(peer.site),
      carrier,
      resume: (generation) => signalling.resume(invitation.session, generation, limits.lanes),
      opened: (stream) => this.#options.opened(stream, { peer, encryption, draining: this.#draining }),
      ended: (error) => this.#ended(session, error),
    });
    this.#sessions.add(session);
    this.#current.set(key, session);
    if (isUsable(current)) current.close(new FairleadError("session.replaced"));
    return session;
  }

  /** Refuses an invitation. The registry reports it to the peer. */
  #refuse({ session, generation }: Invitation, code: ErrorCode, why: string): FairleadError {
    this.#options.signalling.ended(session, generation, code);
    return new FairleadError(code, why);
  }

  /** The session that an invitation names. A draining session still needs lanes for its streams. */
  #held(invitation: Invitation): Session | undefined {
    return [...this.#sessions].find(({ id, state }) => id === invitation.session && state !== "closed");
  }

  /** A log whose lines carry the ids of an invitation's session and peer. */
  #logOf({ session, peer }: Invitation): Log {
    return this.#options.log.child({ session, peer: peer.siteName, peerSite: peer.site });
  }

  #ended(session: Session, error: FairleadError): void {
    this.#sessions.delete(session);
    this.#memory.close(session.peer.site);
    const key = keyOf(session.peer, session.encryption);
    if (this.#current.get(key) === session) this.#current.delete(key);
    this.#options.signalling.ended(session.id, session.generation, error.code);
  }
}

function stopping(): FairleadError {
  return new FairleadError("session.closed", "The connector is stopping.");
}
