/**
 * Limits on time, derived from the measured round trip: on a slow path everything takes as many round trips as on a
 * fast one. Each limit counts the round trips of what it limits, about twice over for what gets lost and comes late.
 */

/** Times in ms. */
export interface TimeLimit {
  /** On a fast path: what machines, not paths, need. */
  readonly least: number;
  /** Round trips that what is limited may take. */
  readonly roundTrips: number;
  /** However slow the path is said to be: a peer may lie about its part of it. */
  readonly most: number;
  /** While no round trip was measured; `least` unless given. */
  readonly unmeasured?: number;
}

/**
 * The limits. "Path" is the way between two connectors over the edge: the round trips of both to the edge, added up.
 */
export const TIME_LIMITS = {
  /** A WebSocket to the edge: the proxy's two, TCP, TLS with a retry, the upgrade. By the round trip to the edge. */
  dial: { least: 15_000, roundTrips: 12, most: 120_000, unmeasured: 60_000 },
  /** The same at the lanes' own port: it leaves time for another dial at the gateway. By the round trip to the edge. */
  lanePort: { least: 5000, roundTrips: 8, most: 30_000 },
  /** A request to the API, from its dial to its answer. By the round trip to the edge, which nothing has measured by then. */
  apiRequest: { least: 30_000, roundTrips: 12, most: 60_000, unmeasured: 60_000 },
  /** Its dial: TCP, the proxy, TLS. */
  apiConnect: { least: 10_000, roundTrips: 8, most: 30_000, unmeasured: 30_000 },
  /** From the opening of an uplink to its `hello`, at the registry. */
  hello: { least: 10_000, roundTrips: 4, most: 20_000, unmeasured: 20_000 },
  /** The site's status as the registry sees it; what is known here is shown without it. By the round trip to the edge. */
  status: { least: 2000, roundTrips: 2, most: 8000 },
  /** A new link's hello, before the command that made the link ends. By the round trip to the edge. */
  link: { least: 5000, roundTrips: 12, most: 30_000 },
  /** From `hello` to `welcome`. By the round trip to the edge. */
  welcome: { least: 15_000, roundTrips: 4, most: 60_000, unmeasured: 45_000 },
  /** A request over the uplink, with another uplink where the first is lost. By the round trip to the edge. */
  request: { least: 10_000, roundTrips: 12, most: 90_000 },
  /** Until an uplink without an answer is asked for a sign of life. By the round trip to the edge. */
  answer: { least: 5000, roundTrips: 3, most: 60_000 },
  /** From the invitation until streams flow: dial, prefaces, TLS, HELLO. By the path. */
  session: { least: 10_000, roundTrips: 24, most: 120_000 },
  /** A stream waits for a session that lost its lanes: the request, the dial, the prefaces. By the path. */
  lane: { least: 3000, roundTrips: 12, most: 60_000 },
  /** For the peer to answer GOAWAY, and for the last bytes to be acknowledged. By the path. */
  linger: { least: 2000, roundTrips: 4, most: 30_000 },
  /** To find a session with one of several instances, before the next is tried. By the round trip to the edge. */
  instance: { least: 2500, roundTrips: 16, most: 60_000 },
  /** The same with the only instance. By the round trip to the edge. */
  onlyInstance: { least: 9000, roundTrips: 24, most: 120_000 },
  /** Silence of a peer that has yet to answer an OPEN, where no client byte went out: a PING goes after a second. By the session's. */
  silence: { least: 2500, roundTrips: 4, most: 30_000 },
  /** The same where client bytes went out, or there is no other instance. By the session's. */
  longSilence: { least: 8000, roundTrips: 6, most: 60_000 },
  /** From an OPEN to its answer by a peer that lives: its target may take 10 seconds. By the session's. */
  open: { least: 20_000, roundTrips: 8, most: 60_000 },
  /** The first side of a lane waits for the second in the router. By the path. */
  meeting: { least: 10_000, roundTrips: 12, most: 120_000 },
  /** A ticket is good. By the path. */
  ticket: { least: 30_000, roundTrips: 16, most: 180_000 },
  /** A generation of a session is coming together: requests for it get the same one. By the path. */
  pending: { least: 10_000, roundTrips: 24, most: 120_000 },
  /** A process whose uplink closed may come back to its sessions. By its round trip to the edge. */
  absence: { least: 10_000, roundTrips: 16, most: 60_000 },
} as const satisfies Record<string, TimeLimit>;

export type TimeLimitName = keyof typeof TIME_LIMITS;

/** A limit, ms, for a round trip of `roundTripMs`; null while none was measured. `least`: another one than the table's. */
export function timeLimit(name: TimeLimitName, roundTripMs: number | null, least?: number): number {
  const limit: TimeLimit = TIME_LIMITS[name];
  const floor = least ?? limit.least;
  if (roundTripMs === null) return least ?? limit.unmeasured ?? floor;
  return Math.max(floor, Math.min(limit.most, limit.roundTrips * roundTripMs));
}

/** The round trip between two connectors over the edge, ms; null while neither part of it was measured. */
export function pathRoundTrip(own: number | null, peer: number | null): number | null {
  return own === null && peer === null ? null : (own ?? 0) + (peer ?? 0);
}
