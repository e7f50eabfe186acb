/** The event log: the newest of what happened. */
import type { EventType, NetworkEvent } from "../../../protocol/api.ts";
import { number, optional, type Sql, text } from "./sql.ts";

/** How many events a network keeps: the newest. */
export const EVENTS_KEPT = 10_000;

export interface NewEvent {
  at: number;
  type: EventType;
  site?: string | undefined;
  text: string;
  code?: string | undefined;
  actor: string;
}

export class Events {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add(event: NewEvent): void {
    const row = this.#sql.row(
      "INSERT INTO events (at, type, site, text, code, actor) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
      event.at,
      event.type,
      event.site ?? null,
      event.text,
      event.code ?? null,
      event.actor,
    );
    if (row) this.#sql.run("DELETE FROM events WHERE id <= ?", number(row, "id") - EVENTS_KEPT);
  }

  /** Whether one of the newest 100 events, not older than `since`, is of this type, site and code. */
  saidSince(
    event: { type: EventType; site?: string | undefined; code?: string | undefined },
    since: number,
  ): boolean {
    return (
      this.#sql.row(
        "SELECT 1 FROM (SELECT * FROM events ORDER BY id DESC LIMIT 100) WHERE type = ? AND site IS ? AND code IS ? AND at >= ?",
        event.type,
        event.site ?? null,
        event.code ?? null,
        since,
      ) !== null
    );
  }

  /** The newest `limit` events that fit, oldest first. */
  list(query: { after?: number | undefined; type?: EventType | undefined; limit: number }): NetworkEvent[] {
    const rows = this.#sql.rows(
      "SELECT * FROM events WHERE id > ? AND (? IS NULL OR type = ?) ORDER BY id DESC LIMIT ?",
      query.after ?? 0,
      query.type ?? null,
      query.type ?? null,
      query.limit,
    );
    return rows.reverse().map((row) => {
      const site = optional(row, "site");
      const code = optional(row, "code");
      return {
        id: number(row, "id"),
        at: new Date(number(row, "at")).toISOString(),
        type: text(row, "type") as EventType,
        ...(site === undefined ? {} : { site }),
        text: text(row, "text"),
        ...(code === undefined ? {} : { code }),
        actor: text(row, "actor"),
      };
    });
  }
}
