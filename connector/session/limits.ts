/** Limits of a session: times, and what a peer may make this side hold. */
import { DEFAULT_WINDOW_BYTES } from "../../protocol/carrier/index.ts";
import { DEFAULT_MAX_STREAMS } from "../../protocol/streams/multiplexer.ts";
import { DEFAULT_WINDOW } from "../../protocol/streams/session-window.ts";
import { TIME_LIMITS, timeLimit } from "../../protocol/time-limits.ts";

/** Times in ms. */
export interface SessionLimits {
  /** Time without streams after which a session is closed, with a carrier of version 1. */
  idleMs: number;
  /** Time without streams after which a session releases its lanes, with a carrier of version 2. */
  parkAfterMs: number;
  /** Time without lanes after which a parked session is closed. */
  parkedMs: number;
  /** Time without any lane after which a session that needs one is closed. */
  sessionTimeoutMs: number;
  /** Time that a new stream waits for a session without a lane. */
  laneWaitMs: number;
  /** Lanes to request. */
  lanes: number;
  /** Unacknowledged bytes that the carrier keeps for retransmission. */
  replayBytes: number;
  /** Time from the invitation until the session is up. */
  upMs: number;
  /** Time for the peer to answer GOAWAY, and for the last bytes to leave. */
  lingerMs: number;
  /** Initial window of each of the peer's streams, bytes. */
  window: number;
  /** Streams that the peer may have open at once. */
  maxStreams: number;
  /** Sessions with one site, over all its instances and both encryption modes. */
  maxSessionsPerSite: number;
  /** Sessions with all sites. */
  maxSessions: number;
  /** Assumed round trip to the peer before the first measurement; 0 if unknown. */
  roundTripMs: number;
}

export const DEFAULT_LIMITS: Readonly<SessionLimits> = {
  idleMs: 60_000,
  parkAfterMs: 60_000,
  parkedMs: 600_000,
  sessionTimeoutMs: 60_000,
  laneWaitMs: TIME_LIMITS.lane.least,
  lanes: 1,
  replayBytes: DEFAULT_WINDOW_BYTES,
  upMs: TIME_LIMITS.session.least,
  lingerMs: TIME_LIMITS.linger.least,
  window: DEFAULT_WINDOW,
  maxStreams: DEFAULT_MAX_STREAMS,
  maxSessionsPerSite: 64,
  maxSessions: 4096,
  roundTripMs: 0,
};

/** The limits of a session over a path with a round trip of `path` ms; null if unknown. */
export function limitsOver(path: number | null, limits: SessionLimits): SessionLimits {
  return {
    ...limits,
    upMs: timeLimit("session", path, limits.upMs),
    laneWaitMs: timeLimit("lane", path, limits.laneWaitMs),
    lingerMs: timeLimit("linger", path, limits.lingerMs),
    roundTripMs: path ?? limits.roundTripMs,
  };
}
