/** The query of an event log. The tables `events` of the registry and of the directory have its columns in common. */
import type { NetworkEventQuery } from "../protocol/api/events.ts";

/**
 * A statement that reads the events that match a query, and its values: with `after` the oldest, oldest first,
 * else the newest, newest first. It reads one event more than the limit, if there is one. Only the registry's
 * table has a site and a share.
 */
export function selectEvents({ after, before, type, since, site, limit }: NetworkEventQuery) {
  const wanted = type ?? null;
  return {
    sql: `SELECT * FROM events WHERE id > ? AND id < ? AND at >= ?
      AND (? IS NULL OR type = ? OR type GLOB ? || '.*') ${site === undefined ? "" : "AND (site = ? OR share = ?)"}
      ORDER BY id ${after === undefined ? "DESC" : "ASC"} LIMIT ?`,
    values: [
      ...[after ?? 0, before ?? Number.MAX_SAFE_INTEGER, since === undefined ? 0 : Date.parse(since)],
      ...[wanted, wanted, wanted, ...(site === undefined ? [] : [site, site]), limit + 1],
    ],
  };
}

/** The rows of {@link selectEvents} within the limit, oldest first, and whether there were more. */
export function pageOf<T>(rows: readonly T[], { after, limit }: NetworkEventQuery) {
  const page = rows.slice(0, limit);
  return { rows: after === undefined ? page.reverse() : page, more: rows.length > limit };
}
