/**
 * The sessions of this connector: one for each other instance that it talks to, opened at the first stream,
 * whoever asks first. Where a session comes from (the registry's invitations), how a lane is dialled and what
 * is done with a peer's stream are passed in.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import {
  asFairleadError,
  ERRORS,
  type ErrorCode,
  FairleadError,
  isErrorCode,
} from "../../protocol/errors.ts";
import type { Instance, Invitation } from "../../protocol/messages.ts";
import { DEFAULT_WINDOW } from "../../protocol/streams/credit.ts";
import { DEFAULT_MAX_STREAMS } from "../../protocol/streams/multiplexer.ts";
import { abandon, joinStreams } from "./join.ts";
import { type Log, Session, type SessionLimits, type SessionState } from "./session.ts";
import type { SessionStream } from "./stream.ts";
import type { SessionIdentity } from "./tls.ts";

export { joinStreams } from "./join.ts";
export { LANE_SOCKET_OPTIONS } from "./lane.ts";
export type { SessionStream } from "./stream.ts";
export type { SessionIdentity } from "./tls.ts";

export interface Signalling {
  /** Asks the registry for a session. Rejects with a FairleadError. */
  request(service: string, peer: { site: string; boot: string }): Promise<Invitation>;
  /** Tells the registry that a session is over. */
  ended(session: string, generation: number, code: string): void;
}

export interface SessionManagerOptions {
  /** This process's boot id. */
  boot: string;
  /** Asked for each session, as certificates are renewed. */
  identity: () => SessionIdentity;
  signalling: Signalling;
  /**
   * Dials a lane with {@link LANE_SOCKET_OPTIONS}. The socket is still opening, or was paused in its "open"
   * event so that no message is lost before it gets here. Rejects with a FairleadError.
   */
  dial: (ticket: string) => Promise<WebSocket>;
  /**
   * The peer opened a stream: resolves with the target's connection (made with `allowHalfOpen`), to which the
   * manager joins it, or rejects with the FairleadError that the peer shall see. The stream must not be read.
   */
  accept: (stream: Duplex, info: { service: string; peer: Instance }) => Promise<Duplex>;
  log: Log;
  /** Name and version, told to the peer. */
  software?: string;
  limits?: Partial<SessionLimits>;
}

/** A session as `status` shows it. */
export interface SessionSummary {
  session: string;
  generation: number;
  peer: Instance;
  state: SessionState;
  streams: number;
  /** ISO 8601. */
  since: string;
}

const DEFAULT_LIMITS: SessionLimits = {
  idleMs: 60_000,
  upMs: 10_000,
  lingerMs: 2000,
  window: DEFAULT_WINDOW,
  maxStreams: DEFAULT_MAX_STREAMS,
};

/** Failures of an opening after which a fresh invitation helps, beside those that the table lets retry. */
const STALE: readonly ErrorCode[] = ["ticket.invalid", "ticket.stale", "ticket.replayed", "lane.taken"];

/** Whether to ask for a new session once more after one could not be opened or used. */
function worthAnother(code: ErrorCode): boolean {
  return STALE.includes(code) || (ERRORS[code].retry && !code.startsWith("stream."));
}

const usable = (session: Session | undefined): session is Session =>
  session !== undefined && (session.state === "opening" || session.state === "up");

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #limits: SessionLimits;
  /** Every session that is not closed, draining ones too. */
  readonly #sessions = new Set<Session>();
  /** The session that new streams to a peer use, by boot id. */
  readonly #current = new Map<string, Session>();
  /** Requests under way, by the peer's boot id. */
  readonly #requests = new Map<string, Promise<Session>>();
  #closing = false;

  constructor(options: SessionManagerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /**
   * Opens a stream to a service at a peer. Resolves when the session is up; the stream can be written to at
   * once, its `accepted` tells whether the peer took it.
   * @throws FairleadError session.*, lane.*, ticket.* when no session can be had after a second try;
   * stream.limit; whatever the registry refused with.
   */
  async open(service: string, peer: Instance): Promise<SessionStream> {
    for (let last = false; ; last = true) {
      const session = await this.#sessionWith(service, peer);
      try {
        await session.up;
        return session.open(service);
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

  /** The peer asked for a session: dials its lane. */
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
    for (const one of [...this.#sessions]) if (one.id === session) one.close(error);
  }

  sessions(): SessionSummary[] {
    return Array.from(this.#sessions, (one) => ({
      session: one.id,
      generation: one.generation,
      peer: one.peer,
      state: one.state,
      streams: one.streams,
      since: one.since.toISOString(),
    }));
  }

  /** Streams open now with an instance, both sides'. */
  openStreamsTo(peer: Pick<Instance, "boot">): number {
    let count = 0;
    for (const one of this.#sessions) if (one.peer.boot === peer.boot) count += one.streams;
    return count;
  }

  /** Ends every session and takes no more. Resolves when their lanes are gone. */
  async close(code: ErrorCode = "session.closed"): Promise<void> {
    this.#closing = true;
    const all = [...this.#sessions];
    for (const one of all) one.close(new FairleadError(code));
    await Promise.all(all.map((one) => one.gone));
  }

  // ---- getting a session ----------------------------------------------------------------------------

  async #sessionWith(service: string, peer: Instance): Promise<Session> {
    if (this.#closing) throw new FairleadError("session.closed", "the connector is stopping");
    const current = this.#current.get(peer.boot);
    if (usable(current)) return current;
    const pending = this.#requests.get(peer.boot);
    if (pending !== undefined) return pending;
    const request = this.#request(service, peer).finally(() => this.#requests.delete(peer.boot));
    this.#requests.set(peer.boot, request);
    return request;
  }

  async #request(service: string, peer: Instance): Promise<Session> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new FairleadError("session.timeout", "the registry did not answer in time")),
        this.#limits.upMs,
      );
    });
    try {
      const asked = this.#options.signalling.request(service, { site: peer.site, boot: peer.boot });
      const invitation = await Promise.race([asked, timeout]);
      if (invitation.peer.boot !== peer.boot || invitation.peer.site !== peer.site) {
        throw new FairleadError("session.wrong_peer", "the registry granted a session with another instance");
      }
      return this.#begin(invitation);
    } catch (error) {
      // The peer's own request may have brought a session meanwhile.
      const current = this.#current.get(peer.boot);
      if (usable(current)) return current;
      throw asFairleadError(error, "session.lost");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts the session of an invitation, unless it or a newer one is there. */
  #begin(invitation: Invitation): Session {
    if (this.#closing) throw new FairleadError("session.closed", "the connector is stopping");
    const { boot } = invitation.peer;
    if (boot === this.#options.boot)
      throw new FairleadError("session.wrong_peer", "an invitation to ourselves");
    const current = this.#current.get(boot);
    // A grant and an offer of the same generation are one thing: both sides asked at once.
    if (usable(current) && current.id === invitation.session && current.generation >= invitation.generation) {
      return current;
    }
    const session = new Session({
      invitation,
      boot: this.#options.boot,
      identity: this.#options.identity(),
      software: this.#options.software ?? "fairlead",
      limits: this.#limits,
      dial: this.#options.dial,
      opened: (stream, { peer }) => void this.#serve(stream, peer),
      ended: (ended, error) => this.#ended(ended, error),
      log: this.#options.log,
    });
    this.#sessions.add(session);
    this.#current.set(boot, session);
    if (usable(current)) current.close(new FairleadError("session.replaced"));
    return session;
  }

  #ended(session: Session, error: FairleadError): void {
    this.#sessions.delete(session);
    if (this.#current.get(session.peer.boot) === session) this.#current.delete(session.peer.boot);
    this.#options.signalling.ended(session.id, session.generation, error.code);
  }

  // ---- the peer's streams ---------------------------------------------------------------------------

  async #serve(stream: SessionStream, peer: Instance): Promise<void> {
    let target: Duplex;
    try {
      target = await this.#options.accept(stream, { service: stream.service, peer });
    } catch (thrown) {
      stream.destroy(asFairleadError(thrown, "stream.internal"));
      return;
    }
    if (stream.destroyed) {
      target.on("error", () => {});
      abandon(target);
      return;
    }
    stream.accept();
    joinStreams(stream, target);
  }
}
