/** The drain of a connector that stops: it takes no new streams, and open streams get time to finish. */
import { resolvesWithin } from "../async/timeout.ts";
import type { Log } from "../log.ts";

/** Default time for open streams to finish, ms. */
export const DRAIN_MS = 30_000;

/** The session manager, as the drain uses it. */
export interface Drainable {
  /**
   * Stops opening and accepting streams: peers receive GOAWAY, and a later OPEN is refused with `service.draining`.
   * Sessions with streams continue, over new lanes if needed. Resolves when no session is left.
   */
  drain(): Promise<void>;
  /** Number of open streams in all sessions. */
  readonly streams: number;
}

/** Drains the sessions for at most `ms`. Resolves with whether all streams finished. */
export async function drained(sessions: Drainable, ms: number, log: Log): Promise<boolean> {
  log.info({ streams: sessions.streams, ms }, "The connector takes no new clients and streams.");
  const finished = await resolvesWithin(sessions.drain(), ms);
  if (!finished) log.warn({ streams: sessions.streams }, "Streams that did not finish in time are reset.");
  return finished;
}
