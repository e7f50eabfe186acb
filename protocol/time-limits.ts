/**
 * Limits on time, derived from the measured round trip (docs/protocol.md, "Limits on time"). An operation
 * takes as many round trips on a slow path as on a fast one. Each limit allows about twice the round trips of
 * its operation, because packets are lost and delayed.
 */

/** One limit. Times in ms. */
export interface TimeLimit {
  /** The limit on a fast path, where the machines take the time and not the path. */
  readonly least: number;
  /** Round trips that the operation may take. */
  readonly roundTrips: number;
  /** The ceiling, because a peer may lie about its part of the path. */
  readonly most: number;
  /** The limit before a round trip was measured; `least` unless given. */
  readonly unmeasured?: number;
}

/**
 * The limits. "By the round trip to the edge" and "by the path" say which round trip counts. The round trip
 * of the path is the sum of both connectors' round trips to the edge.
 */
export const TIME_LIMITS = {
  /**
   * Dial of a WebSocket: two round trips of the proxy, TCP, TLS with a retry, the upgrade. By the round trip
   * to the edge.
   */
  dial: { least: 15_000, roundTrips: 12, most: 120_000, unmeasured: 60_000 },
  /**
   * Dial of the lanes' own port, which leaves time to dial the gateway instead. By the round trip to the
   * edge.
   */
  lanePort: { least: 5000, roundTrips: 8, most: 30_000 },
  /**
   * A request to the API, from its dial to the response. By the round trip to the edge, which is not measured
   * by then.
   */
  apiRequest: { least: 30_000, roundTrips: 12, most: 60_000, unmeasured: 60_000 },
  /** The dial of a request to the API: TCP, the proxy, TLS. */
  apiConnect: { least: 10_000, roundTrips: 8, most: 30_000, unmeasured: 30_000 },
  /** From the opening of an uplink to its `hello`, at the registry. */
  hello: { least: 10_000, roundTrips: 4, most: 20_000, unmeasured: 20_000 },
  /**
   * The registry's part of a site's status; the connector shows its own part without it. By the round trip to
   * the edge.
   */
  status: { least: 2000, roundTrips: 2, most: 8000 },
  /**
   * The hello with a new link, for which the command that created the link waits. By the round trip to the
   * edge.
   */
  link: { least: 5000, roundTrips: 12, most: 30_000 },
  /** From `hello` to `welcome`. By the round trip to the edge. */
  welcome: { least: 15_000, roundTrips: 4, most: 60_000, unmeasured: 45_000 },
  /**
   * A request over the uplink, including a second uplink when the first is lost. By the round trip to the
   * edge.
   */
  request: { least: 10_000, roundTrips: 12, most: 90_000 },
  /**
   * From a request to the `p` that probes the uplink, while no reply arrives. By the round trip to the edge.
   */
  reply: { least: 5000, roundTrips: 3, most: 60_000 },
  /** From the invitation until streams flow: dial, prefaces, TLS, HELLO. By the path. */
  session: { least: 10_000, roundTrips: 24, most: 120_000 },
  /** The wait of a stream for new lanes of its session: the request, the dial, the prefaces. By the path. */
  lane: { least: 3000, roundTrips: 12, most: 60_000 },
  /** From GOAWAY to the peer's GOAWAY and the acknowledgement of the last bytes. By the path. */
  linger: { least: 2000, roundTrips: 4, most: 30_000 },
  /** The attempt to get a session with one of several instances. By the round trip to the edge. */
  instance: { least: 2500, roundTrips: 16, most: 60_000 },
  /** The attempt to get a session with the only instance. By the round trip to the edge. */
  onlyInstance: { least: 9000, roundTrips: 24, most: 120_000 },
  /**
   * Silence of a peer that owes ACCEPT, where no client byte was sent; PING goes out after a second. By the
   * session's round trip.
   */
  silence: { least: 2500, roundTrips: 4, most: 30_000 },
  /**
   * The same silence where client bytes were sent, or no other instance is there. By the session's round
   * trip.
   */
  longSilence: { least: 8000, roundTrips: 6, most: 60_000 },
  /**
   * From an OPEN to its ACCEPT while the peer is alive: a target may take 10 seconds. By the session's round
   * trip.
   */
  open: { least: 20_000, roundTrips: 8, most: 60_000 },
  /** The wait of a lane's first side in the router for the second. By the path. */
  meeting: { least: 10_000, roundTrips: 12, most: 120_000 },
  /** The life of a ticket. By the path. */
  ticket: { least: 30_000, roundTrips: 16, most: 180_000 },
  /**
   * The time in which a generation comes together: requests for the session get that generation. By the path.
   */
  pending: { least: 10_000, roundTrips: 24, most: 120_000 },
  /**
   * The time in which a process whose uplink closed may come back to its sessions. By its round trip to the
   * edge.
   */
  absence: { least: 10_000, roundTrips: 16, most: 60_000 },
} as const satisfies Record<string, TimeLimit>;

/** The name of a limit in the table. */
export type TimeLimitName = keyof typeof TIME_LIMITS;

/**
 * A limit for a round trip, ms.
 *
 * @param roundTripMs null before the first measurement
 * @param least replaces the value of the table
 */
export function timeLimit(name: TimeLimitName, roundTripMs: number | null, least?: number): number {
  const limit: TimeLimit = TIME_LIMITS[name];
  const floor = least ?? limit.least;
  if (roundTripMs === null) return least ?? limit.unmeasured ?? floor;
  return Math.max(floor, Math.min(limit.most, limit.roundTrips * roundTripMs));
}

/** The round trip between two connectors over the edge, ms; null while neither part was measured. */
export function pathRoundTrip(own: number | null, peer: number | null): number | null {
  return own === null && peer === null ? null : (own ?? 0) + (peer ?? 0);
}
