/**
 * The edge's own event log: networks and keys created and deleted, and refused keys. It keeps the newest
 * events. Refused keys have a limit of their own, so that unproven clients cannot displace other events.
 */
import type { EventPage, EventQuery, EventType, NetworkEvent } from "../../protocol/api/events.ts";
import { pageOf, selectEvents } from "../event-query.ts";

/** Events of refused keys that are kept. */
export const KEPT_REFUSALS = 500;
/** Other events that are kept. */
export const KEPT_EVENTS = 10_000;

export interface NewEvent {
  readonly type: EventType;
  readonly text: string;
  /** The name of the caller; "edge" when no caller was proven. */
  readonly actor: string;
  readonly code?: string;
}

type Row = { id: number; at: number; type: string; text: string; code: string | null; actor: string };

/** The log in the directory's database. */
export class EdgeLog {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      type TEXT NOT NULL,
      text TEXT NOT NULL,
      code TEXT,
      actor TEXT NOT NULL
    )`);
    sql.exec("CREATE TABLE IF NOT EXISTS log (began INTEGER NOT NULL)");
  }

  /**
   * Adds an event, and drops the oldest events of its kind above the limit.
   * @param now ms since 1970
   */
  add({ type, text, code, actor }: NewEvent, now: number): void {
    this.#sql.exec(
      "INSERT INTO events (at, type, text, code, actor) VALUES (?, ?, ?, ?, ?)",
      now,
      type,
      text,
      code ?? null,
      actor,
    );
    const isRefusal = type === "key.refused";
    this.#sql.exec(
      `DELETE FROM events WHERE (type = 'key.refused') = ? AND id <= (
        SELECT id FROM events WHERE (type = 'key.refused') = ? ORDER BY id DESC LIMIT 1 OFFSET ?
      )`,
      isRefusal ? 1 : 0,
      isRefusal ? 1 : 0,
      isRefusal ? KEPT_REFUSALS : KEPT_EVENTS,
    );
  }

  /** A page of the log. */
  page(query: EventQuery): EventPage {
    const { sql, values } = selectEvents(query);
    const { rows, more } = pageOf(this.#sql.exec<Row>(sql, ...values).toArray(), query);
    const { newest } = this.#sql
      .exec<{ newest: number }>("SELECT coalesce(max(id), 0) AS newest FROM events")
      .one();
    return { events: rows.map(describe), more, newest, began: new Date(this.#began()).toISOString() };
  }

  /** When the log was restored from a backup, ms since 1970; 0 for the log that the edge began with. */
  #began(): number {
    return this.#sql.exec<{ began: number }>("SELECT coalesce(max(began), 0) AS began FROM log").one().began;
  }

  /** All events, oldest first. */
  all(): NetworkEvent[] {
    return this.#sql.exec<Row>("SELECT * FROM events ORDER BY id").toArray().map(describe);
  }

  /**
   * Replaces the log. Ids continue after the last restored event.
   * @param now ms since 1970
   */
  restore(events: readonly NetworkEvent[], now: number): void {
    this.#sql.exec("DELETE FROM events");
    this.#sql.exec("DELETE FROM log");
    this.#sql.exec("INSERT INTO log (began) VALUES (?)", now);
    for (const { id, at, type, text, code, actor } of events) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO events (id, at, type, text, code, actor) VALUES (?, ?, ?, ?, ?, ?)",
        id,
        Date.parse(at),
        type,
        text,
        code ?? null,
        actor,
      );
    }
  }
}

function describe({ id, at, type, text, code, actor }: Row): NetworkEvent {
  return {
    id,
    at: new Date(at).toISOString(),
    type: type as EventType,
    text,
    code: code ?? undefined,
    actor,
  };
}
