/**
 * The sessions with doors: the objects of the edge that serve hostnames (docs/protocol.md, "The public door"). A door
 * invites this connector, which takes part only where its own configuration publishes a service by the hostname.
 */
import type { WebSocket } from "ws";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { type InstanceId, isSameInstance } from "../../protocol/instance-id.ts";
import type { MemoryBudget } from "../../protocol/memory-budget.ts";
import { DOOR_WEBSOCKET_FEATURE, SESSION_FEATURES } from "../../protocol/streams/features.ts";
import { pathRoundTrip } from "../../protocol/time-limits.ts";
import type { DoorInvitation, Invitation } from "../../protocol/uplink/messages.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { IngressPolicy } from "../config/ingress.ts";
import type { Log } from "../log.ts";
import { LogThrottle } from "../log-throttle.ts";
import { DEFAULT_LIMITS, limitsOver, type SessionLimits } from "../session/limits.ts";
import { Session } from "../session/session.ts";
import type { SessionStream } from "../session/session-stream.ts";
import type { SessionIdentity } from "../session/tls.ts";
import type { DoorPeer, PeerStreamOrigin } from "../targets/stream-server.ts";
import type { DoorWebSockets } from "./door-websockets.ts";

/** Sessions with the doors of one hostname: a door that was restarted has a new one. */
const MAX_OF_HOSTNAME = 4;
/** Features of a session with a door. */
const FEATURES: readonly string[] = [...SESSION_FEATURES, DOOR_WEBSOCKET_FEATURE];
/** A door ends an idle session itself. This side waits longer, since lanes of a door cannot be released. */
const PARK_AFTER_MS = 10 * 60_000;

export interface DoorSessionsOptions {
  readonly boot: string;
  readonly software: string;
  /** The current identity. Read for each session, because certificates are renewed. */
  readonly identity: () => SessionIdentity;
  readonly ingress: IngressPolicy;
  /** Dials a lane. An aborted `signal` cancels the dial. */
  readonly dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Serves a stream that a door opened. */
  readonly opened: (stream: SessionStream, origin: PeerStreamOrigin) => void;
  /** The WebSockets of doors' clients, which end with the sessions of doors. */
  readonly webSockets: DoorWebSockets;
  /** Round trip to the edge, ms; null before the first measurement. */
  readonly edgeRoundTrip: () => number | null;
  /** The memory that peers may make this process hold. */
  readonly memory: MemoryBudget;
  readonly limits?: Partial<SessionLimits> | undefined;
  readonly log: Log;
}

interface Held {
  readonly session: Session;
  readonly door: DoorPeer;
}

export class DoorSessions {
  readonly #options: DoorSessionsOptions;
  readonly #held = new Set<Held>();
  readonly #untaken: LogThrottle;
  #isDraining = false;

  constructor(options: DoorSessionsOptions) {
    this.#options = options;
    this.#untaken = new LogThrottle(
      options.log,
      (count) => `Further invitations of doors not taken: ${count}.`,
    );
  }

  /** Sessions that are not closed. */
  get count(): number {
    return this.#held.size;
  }

  /** Streams open now, in all sessions. */
  get streams(): number {
    let streams = 0;
    for (const { session } of this.#held) streams += session.streams;
    return streams;
  }

  /** Takes an invitation of a door, or logs why not. */
  offered(invitation: DoorInvitation): void {
    const { hostname } = invitation.door;
    try {
      this.#begin(invitation);
    } catch (thrown) {
      const { code, message } = asFairleadError(thrown, "session.closed");
      const kind = { origin: { peer: hostname, peerSite: hostname }, about: { code } };
      this.#untaken.write("warn", kind, { hostname }, `The invitation of a door was not taken: ${message}`);
    }
  }

  /**
   * Lets the sessions with doors end by which nothing is published any more. Their streams may finish; WebSockets are
   * closed.
   */
  review(): void {
    this.#options.webSockets.review();
    for (const { session, door } of [...this.#held]) {
      if (this.#options.ingress.find(door.hostname) === undefined) session.drain(notPublished(door.hostname));
    }
  }

  /** Takes no streams from now on. Resolves when no session is left, after `ms` at most. */
  async drainWithin(ms: number): Promise<void> {
    this.#isDraining = true;
    this.#options.webSockets.drain();
    const all = [...this.#held];
    for (const { session } of all) session.drain(stopping());
    await resolvesWithin(Promise.all(all.map(({ session }) => session.closed)), ms);
  }

  /** Ends all sessions now. Resolves when their lanes are closed. */
  async close(error: FairleadError = stopping()): Promise<void> {
    this.#isDraining = true;
    this.#untaken.close();
    await this.end(error);
  }

  /** Ends all sessions now; further invitations may come. */
  async end(error: FairleadError): Promise<void> {
    this.#options.webSockets.end(error);
    const all = [...this.#held];
    for (const { session } of all) session.close(error);
    await Promise.all(all.map(({ session }) => session.closed));
  }

  /** @throws FairleadError `service.ingress_not_allowed`, `session.*`. */
  #begin({ session: id, door, ticket }: DoorInvitation): void {
    const { ingress, boot, identity, software, dial, memory, edgeRoundTrip, log } = this.#options;
    if (this.#isDraining) throw stopping();
    const { hostname } = door;
    if (ingress.find(hostname) === undefined) throw notPublished(hostname);
    const self: InstanceId = { site: identity().site, boot };
    const peer = { site: door.id, siteName: hostname, boot: door.boot };
    if (isSameInstance(peer, self)) throw new FairleadError("session.wrong_peer");
    const known = [...this.#held].filter((held) => held.door.hostname === hostname);
    if (known.some(({ session }) => session.id === id)) return;
    for (const { session } of known.slice(0, Math.max(0, known.length - MAX_OF_HOSTNAME + 1))) {
      session.close(new FairleadError("session.replaced"));
    }
    const invitation: Invitation = {
      ...{
        session: id,
        generation: 1,
        lane: 0,
        peer,
        encryption: "hop",
        ticket,
        tickets: [ticket],
        lanes: 1,
      },
    };
    const origin: DoorPeer = { kind: "door", hostname };
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits, parkAfterMs: PARK_AFTER_MS };
    const session = new Session({
      ...{ invitation, self, identity: identity(), software, dial, features: FEATURES },
      limits: limitsOver(pathRoundTrip(edgeRoundTrip(), null), limits),
      memory: memory.open(door.id),
      // A door has no lanes of a second generation.
      resume: () => Promise.reject(new FairleadError("session.lost")),
      opened: (stream) =>
        this.#options.opened(stream, {
          ...{ peer, encryption: "hop", draining: this.#isDraining, door: origin },
        }),
      ended: () => {
        this.#held.delete(held);
        memory.close(door.id);
      },
      log: log.child({ session: id, door: hostname }),
    });
    const held: Held = { session, door: origin };
    this.#held.add(held);
  }
}

const stopping = (): FairleadError => new FairleadError("session.closed", "The connector is stopping.");

const notPublished = (hostname: string): FairleadError =>
  new FairleadError("service.ingress_not_allowed", `This site publishes nothing by ${hostname}.`);
