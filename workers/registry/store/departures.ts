/**
 * The table of departures: instances whose last uplink closed from their side while they had sessions. The
 * kernel closes the connections of a process that ends. An instance that does not return within its grace has
 * therefore ended. An instance that only fell silent may still run. Departures are stored because the
 * registry may sleep before a peer asks.
 */
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { timeLimit } from "../../../protocol/time-limits.ts";
import { number, type Sql } from "./sql.ts";

/** Most departures that are kept, the newest; and their retention, ms. */
const MAX_DEPARTURES = 10_000;
const MEMORY_MS = 15 * 60_000;

export class Departures {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Notes that the instance's only uplink closed at `now`. `rtt`: its last round trip to the edge, ms, if
   * known.
   */
  note({ site, boot }: InstanceId, now: number, rtt: number | null): void {
    const grace = timeLimit("absence", rtt);
    this.#sql.write(
      [],
      "INSERT OR REPLACE INTO departures (site, boot, at, grace) VALUES (?, ?, ?, ?)",
      site,
      boot,
      now,
      grace,
    );
    this.#sql.write(
      [],
      `DELETE FROM departures WHERE rowid IN (SELECT rowid FROM departures ORDER BY at DESC, rowid DESC
        LIMIT -1 OFFSET ?)`,
      MAX_DEPARTURES,
    );
  }

  /** Deletes the departure of an instance that returned. */
  forget({ site, boot }: InstanceId): void {
    this.#sql.write([], "DELETE FROM departures WHERE site = ? AND boot = ?", site, boot);
  }

  /**
   * Time for which the instance may still come back to a session, ms: 0 if it has ended, null if nothing is
   * known. `since` (ms since 1970) is the start of the asking peer's uplinks without a gap. A departure
   * before that is null, because the path or the edge may have ended the uplinks of both.
   */
  graceLeft({ site, boot }: InstanceId, since: number, now: number): number | null {
    const row = this.#sql.row("SELECT at, grace FROM departures WHERE site = ? AND boot = ?", site, boot);
    if (row === null) return null;
    const at = number(row, "at");
    if (since > at || now - at >= MEMORY_MS) return null;
    return Math.max(0, at + number(row, "grace") - now);
  }

  /** Deletes departures past their retention. {@link graceLeft} ignores them anyway. */
  prune(now: number): void {
    this.#sql.write([], "DELETE FROM departures WHERE at <= ?", now - MEMORY_MS);
  }
}
