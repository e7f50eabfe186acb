/** Stopping politely: nothing new is taken on, and what runs has some time to finish. */
import { resolvesWithin } from "../async/timeout.ts";
import type { Log } from "../log.ts";

/** How long streams may go on after the connector was told to stop, unless told otherwise, ms. */
export const DRAIN_MS = 30_000;

/** What draining needs of the session manager. */
export interface Drainable {
  /**
   * Opens no more streams and takes none: peers hear GOAWAY, and an OPEN that comes all the same is refused with
   * service.draining. Sessions with streams go on, over new lanes where needed. Resolves when none is left.
   */
  drain(): Promise<void>;
  /** Streams open now, in all sessions. */
  readonly streams: number;
}

/** Waits until the sessions have no more streams, `ms` at the most. Resolves with whether all had finished. */
export async function drained(sessions: Drainable, ms: number, log: Log): Promise<boolean> {
  log.info({ streams: sessions.streams, ms }, "the connector takes no more clients");
  const finished = await resolvesWithin(sessions.drain(), ms);
  if (!finished) log.warn({ streams: sessions.streams }, "streams are reset: their time is over");
  return finished;
}
