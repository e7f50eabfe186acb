/** How long things may take in a session, and what a peer may make us hold. */
import { DEFAULT_WINDOW_BYTES } from "../../protocol/carrier/index.ts";
import { DEFAULT_MAX_STREAMS } from "../../protocol/streams/options.ts";
import { DEFAULT_WINDOW } from "../../protocol/streams/session-window.ts";
import { TIME_LIMITS, timeLimit } from "../../protocol/time-limits.ts";

/** Times in ms. */
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
  /** Sessions with one site, whatever its instances and the modes; and with all. */
  maxSessionsPerSite: number;
  maxSessions: number;
  /** Round trip to the peer before one was measured, ms; 0 where nothing is known of it. */
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

/** The limits of a session whose two connectors are `path` ms apart, there and back; null where that is not known. */
export function limitsOver(path: number | null, limits: SessionLimits): SessionLimits {
  return {
    ...limits,
    upMs: timeLimit("session", path, limits.upMs),
    laneWaitMs: timeLimit("lane", path, limits.laneWaitMs),
    lingerMs: timeLimit("linger", path, limits.lingerMs),
    roundTripMs: path ?? limits.roundTripMs,
  };
}
