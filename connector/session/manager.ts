/**
 * The sessions of this connector: one for each other instance that it talks to, opened at the first stream,
 * whoever asks first. Where a session comes from (the registry's invitations), how a lane is dialled and what
 * is done with a peer's stream are passed in.
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
import { DEFAULT_LIMITS, limitsOver, type SessionLimits } from "./limits.ts";
import type { SessionManagerOptions, SessionSummary } from "./options.ts";
import { Session } from "./session.ts";
import type { SessionStream } from "./session-stream.ts";

export type { SessionManagerOptions, SessionSummary, Signalling, StreamOrigin } from "./options.ts";
export type { SessionStream } from "./session-stream.ts";
export type { SessionIdentity } from "./tls.ts";

/** Failures of an opening after which a fresh invitation helps, beside those that the table lets retry. */
const STALE: readonly ErrorCode[] = ["ticket.invalid", "ticket.stale", "ticket.replayed", "lane.taken"];

/** Whether to ask for a new session once more after one could not be opened or used. */
function worthAnother(code: ErrorCode): boolean {
  return STALE.includes(code) || (ERRORS[code].retry && !code.startsWith("stream."));
}

/** What two instances have one session of. TLS proves the site, and only then do streams flow. */
const keyOf = (peer: InstanceId, encryption: Encryption): string => `${instanceKey(peer)} ${encryption}`;

const usable = (session: Session | undefined): session is Session =>
  session !== undefined && session.state !== "draining" && session.state !== "closed";

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #limits: SessionLimits;
  readonly #memory: MemoryBudget;
  /** Every session that is not closed, draining ones too. */
  readonly #sessions = new Set<Session>();
  /** The session that new streams to a peer use, by instance and mode. */
  readonly #current = new Map<string, Session>();
  /** Requests under way, by the peer's instance and mode. */
  readonly #requests = new Map<string, Promise<Session>>();
  #closing = false;
  #draining = false;

  constructor(options: SessionManagerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#memory = options.memory ?? new MemoryBudget();
  }

  /**
   * Opens a stream to a service at a peer. Resolves when the session is up and has a lane; the stream can be written to at
   * once, its `accepted` tells whether the peer took it.
   * @throws FairleadError session.*, lane.*, ticket.* when no session can be had after a second try;
   * stream.limit; whatever the registry refused with.
   */
  async open(
    service: string,
    peer: Instance,
    encryption: Encryption = DEFAULT_ENCRYPTION,
    hops = 0,
  ): Promise<SessionStream> {
    for (let last = false; ; last = true) {
      const session = await this.#sessionWith(service, peer, encryption);
      try {
        await session.carried();
        return session.open(service, hops);
      } catch (thrown) {
        const error = asFairleadError(thrown, "session.lost");
        if (last || !worthAnother(error.code)) throw error;
        this.#options.log.debug(
          { peer: peer.siteName, code: error.code },
          "session could not be used, once more",
        );
      }
    }
  }

  /** The peer asked for a session, or for new lanes of one: dials them. */
  offered(invitation: Invitation): void {
    try {
      this.#begin(invitation);
    } catch (thrown) {
      const { code } = asFairleadError(thrown, "session.closed");
      this.#options.log.warn({ session: invitation.session, code }, "session offer not taken");
    }
  }

  /** The registry ends a session. `code` tells why; its streams are reset with it. */
  cut(session: string, code: string): void {
    const error = new FairleadError(
      isErrorCode(code) ? code : "session.closed",
      `cut by the registry: ${code}`,
    );
    for (const one of [...this.#sessions]) if (one.id === session) one.cut(error);
  }

  sessions(): SessionSummary[] {
    return Array.from(this.#sessions, (one) => ({
      session: one.id,
      generation: one.generation,
      peer: one.peer,
      encryption: one.encryption,
      state: one.state,
      streams: one.streams,
      lanes: one.lanes,
      rtt: one.rtt,
      held: one.held,
      since: one.since.toISOString(),
    }));
  }

  /** Streams open now with an instance, both sides'. */
  openStreamsTo(peer: InstanceId): number {
    let count = 0;
    for (const one of this.#sessions) if (isSameInstance(one.peer, peer)) count += one.streams;
    return count;
  }

  /** How long nothing came from an instance over the session that new streams use, and its round trip, ms; null where not known. */
  life(
    peer: Instance,
    encryption: Encryption = DEFAULT_ENCRYPTION,
  ): { readonly silentMs: number | null; readonly roundTripMs: number | null } {
    const session = this.#current.get(keyOf(peer, encryption));
    return { silentMs: session?.silentMs ?? null, roundTripMs: session?.rtt ?? null };
  }

  /** Streams open now, in all sessions. */
  get streams(): number {
    let count = 0;
    for (const one of this.#sessions) count += one.streams;
    return count;
  }

  /**
   * Opens no more streams and takes none: peers hear GOAWAY, and an OPEN that comes all the same is refused with
   * service.draining. Sessions with streams go on, over new lanes where needed. Resolves when none is left.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const all = [...this.#sessions];
    for (const one of all) one.drain(new FairleadError("session.closed", "the connector is stopping"));
    await Promise.all(all.map((one) => one.gone));
  }

  /** Ends every session and takes no more. Resolves when their lanes are gone. */
  async close(code: ErrorCode = "session.closed"): Promise<void> {
    this.#closing = true;
    const all = [...this.#sessions];
    for (const one of all) one.close(new FairleadError(code));
    await Promise.all(all.map((one) => one.gone));
  }

  /** Our own instance. */
  get #self(): InstanceId {
    return { site: this.#options.identity().site, boot: this.#options.boot };
  }

  // ---- getting a session ----------------------------------------------------------------------------

  async #sessionWith(service: string, peer: Instance, encryption: Encryption): Promise<Session> {
    if (this.#closing || this.#draining)
      throw new FairleadError("session.closed", "the connector is stopping");
    const key = keyOf(peer, encryption);
    const current = this.#current.get(key);
    if (usable(current)) return current;
    const pending = this.#requests.get(key);
    if (pending !== undefined) return pending;
    const request = this.#request(service, peer, encryption).finally(() => this.#requests.delete(key));
    this.#requests.set(key, request);
    return request;
  }

  async #request(service: string, peer: Instance, encryption: Encryption): Promise<Session> {
    const limitMs = timeLimit("request", this.#options.edgeRoundTrip?.() ?? null, this.#limits.upMs);
    const late = () => new FairleadError("session.timeout", "the registry did not answer in time");
    try {
      const { site, boot } = peer;
      const { lanes } = this.#limits;
      const asked = this.#options.signalling.request(service, { site, boot }, lanes, encryption);
      const invitation = await withTimeout(asked, limitMs, late);
      if (!isSameInstance(invitation.peer, peer)) {
        throw new FairleadError("session.wrong_peer", "the registry granted a session with another instance");
      }
      if (encryptionOf(invitation) !== encryption) {
        throw this.#refuse(invitation, "session.forbidden", "the registry granted a session of another mode");
      }
      return this.#begin(invitation);
    } catch (error) {
      // The peer's own request may have brought a session meanwhile.
      const current = this.#current.get(keyOf(peer, encryption));
      if (usable(current)) return current;
      throw asFairleadError(error, "session.lost");
    }
  }

  /** Starts the session of an invitation, unless it or a newer one is there. */
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
        const why = "the peer goes on with it, and it has not begun here";
        held?.close(new FairleadError("session.replaced", why));
      }
      throw this.#refuse(invitation, decision.code, decision.why);
    }
    if (!this.#hasRoom(invitation.peer.site)) {
      // The code that its peer is told at once: its clients go to another instance.
      this.#refuse(invitation, "session.unknown", "no room");
      throw new FairleadError(
        "session.limit",
        `${invitation.peer.siteName} has as many sessions as it may have`,
      );
    }
    return this.#start(invitation);
  }

  /** Whether a site may have another session here. For it the one that came first of those without streams ends. */
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
    const { identity, software = "fairlead", dial, carrier, signalling, log } = this.#options;
    const own = this.#options.edgeRoundTrip?.() ?? null;
    const limits = limitsOver(pathRoundTrip(own, invitation.rtt ?? null), this.#limits);
    const session = new Session({
      ...{ invitation, self: this.#self, identity: identity(), software, limits, dial, log },
      memory: this.#memory.open(peer.site),
      ...(carrier === undefined ? {} : { carrier }),
      resume: (generation) => signalling.resume(invitation.session, generation, limits.lanes),
      opened: (stream) => this.#options.opened(stream, { peer, encryption, draining: this.#draining }),
      ended: (error) => this.#ended(session, error),
    });
    this.#sessions.add(session);
    this.#current.set(key, session);
    if (usable(current)) current.close(new FairleadError("session.replaced"));
    return session;
  }

  /** Takes no part in a session. The registry lets the peer know. */
  #refuse({ session, generation }: Invitation, code: ErrorCode, why: string): FairleadError {
    this.#options.signalling.ended(session, generation, code);
    return new FairleadError(code, why);
  }

  /** The session of an invitation. One that drains still has streams, which need their lanes. */
  #held(invitation: Invitation): Session | undefined {
    for (const one of this.#sessions) if (one.id === invitation.session && one.state !== "closed") return one;
    return undefined;
  }

  #ended(session: Session, error: FairleadError): void {
    this.#sessions.delete(session);
    this.#memory.close(session.peer.site);
    const key = keyOf(session.peer, session.encryption);
    if (this.#current.get(key) === session) this.#current.delete(key);
    this.#options.signalling.ended(session.id, session.generation, error.code);
  }
}
