/**
 * The event log: the newest of what happened. Refusals, which strangers can cause, have a share of their own, so that they
 * push out nothing but each other.
 */
import { DEFAULT_QUOTAS, type EventQuery, type EventType, type NetworkEvent } from "../../../protocol/api.ts";
import { number, optional, type Sql, text } from "./sql.ts";

/** How many events a network keeps: its quota, if that was set. */
const QUOTA = `coalesce((SELECT json_extract(quotas, '$.events') FROM network), ${DEFAULT_QUOTAS.events})`;

/** A tenth of them may be refusals; what these do not need is for all others. Places in a share have no gaps. */
const REFUSALS = `(${QUOTA} / 10)`;
const REFUSED = "coalesce((SELECT max(place) - min(place) + 1 FROM events WHERE refusal = 1), 0)";
const OTHERS = `(${QUOTA} - min(${REFUSALS}, ${REFUSED}))`;

const isRefusal = (type: EventType): boolean => type === "token.refused" || type === "uplink.refused";

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
    const refusal = isRefusal(event.type);
    this.#sql.run(
      `INSERT INTO events (at, type, site, text, code, actor, refusal, place) VALUES (?, ?, ?, ?, ?, ?, ?,
        (SELECT coalesce(max(place), 0) + 1 FROM events WHERE refusal = ?))`,
      event.at,
      event.type,
      event.site ?? null,
      event.text,
      event.code ?? null,
      event.actor,
      refusal ? 1 : 0,
      refusal ? 1 : 0,
    );
    this.prune();
  }

  /** Drops the oldest beyond what is kept. */
  prune(): void {
    for (const [refusal, kept] of [
      [1, REFUSALS],
      [0, OTHERS],
    ] as const) {
      this.#sql.run(
        `DELETE FROM events WHERE refusal = ${refusal} AND place <=
          (SELECT max(place) FROM events WHERE refusal = ${refusal}) - ${kept}`,
      );
    }
  }

  count(): number {
    const row = this.#sql.row("SELECT count(*) AS count FROM events");
    return row ? number(row, "count") : 0;
  }

  /** The code of the newest event about a site's clock, which has none when the clock was right again. */
  newestClock(site: string): string | undefined {
    const row = this.#sql.row(
      "SELECT code FROM events WHERE type = 'site.clock' AND site = ? ORDER BY id DESC LIMIT 1",
      site,
    );
    return row ? optional(row, "code") : undefined;
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
  list({ after = 0, type, since, limit }: EventQuery): NetworkEvent[] {
    const rows = this.#sql.rows(
      `SELECT * FROM events WHERE id > ? AND at >= ? AND (? IS NULL OR type = ? OR type GLOB ? || '.*')
        ORDER BY id DESC LIMIT ?`,
      after,
      since === undefined ? 0 : Date.parse(since),
      type ?? null,
      type ?? null,
      type ?? null,
      limit,
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
