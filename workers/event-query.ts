/** The query of an event log. The tables `events` of the registry and of the directory have its columns in common. */
import type { EventQuery } from "../protocol/api/events.ts";

/** A statement that reads the newest events that match a query, newest first, and its values. */
export function selectEvents({ after = 0, type, since, limit }: EventQuery) {
  const wanted = type ?? null;
  return {
    sql: `SELECT * FROM events WHERE id > ? AND at >= ? AND (? IS NULL OR type = ? OR type GLOB ? || '.*')
      ORDER BY id DESC LIMIT ?`,
    values: [after, since === undefined ? 0 : Date.parse(since), wanted, wanted, wanted, limit],
  };
}
