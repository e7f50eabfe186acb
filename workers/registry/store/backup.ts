/** The registry's tables as rows: read for a backup, and written into an empty database. */
import type { Cell, NetworkDump } from "../../../protocol/api/backup.ts";
import { decodeBase64, encodeBase64 } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { NEWEST_MIGRATION } from "../../../protocol/storage.ts";
import { migrate } from "./migrations.ts";
import { blob, number, type Sql, text } from "./sql.ts";

export type Tables = NetworkDump["tables"];

/** Most events in a backup: the newest. */
const EVENTS_BACKED_UP = 10_000;

/**
 * Tables that are not backed up. The schema creates `migrations` and maintains `event_shares`. Sessions, bans
 * and departures do not outlive their edge.
 */
const LEFT_OUT = new Set(["migrations", "event_shares", "sessions", "pairs", "cuts", "bans", "departures"]);

/** Tables of which a part is backed up. */
const SOURCES: Readonly<Record<string, string>> = {
  // Only certificates that a repeated redemption returns are read again. Of the others, the serial
  // suffices.
  certificates: `SELECT serial, site, CASE WHEN serial IN (SELECT serial FROM redemptions) THEN certificate ELSE x'' END
    AS certificate, not_after, revoked_at FROM certificates`,
  events: `SELECT * FROM (SELECT * FROM events ORDER BY id DESC LIMIT ${EVENTS_BACKED_UP}) ORDER BY id`,
};

/** A column and its constraints. */
interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
}

const malformed = (reason: string) =>
  new FairleadError("backup.malformed", `The backup is refused: ${reason}.`);

function tablesOf(sql: Sql): string[] {
  return sql
    .rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .map((row) => text(row, "name"))
    .filter((name) => !name.startsWith("_cf_") && !name.startsWith("sqlite_") && !LEFT_OUT.has(name));
}

function columnsOf(sql: Sql, table: string): Column[] {
  return sql.rows(`PRAGMA table_info(${table})`).map((row) => ({
    name: text(row, "name"),
    type: text(row, "type"),
    required: number(row, "notnull") === 1 || number(row, "pk") > 0,
  }));
}

/** Reads all tables for a backup, with the number of their last migration. */
export function dumpTables(sql: Sql): { migration: number; tables: Tables } {
  const tables: Tables = {};
  for (const table of tablesOf(sql)) {
    const columns = columnsOf(sql, table).map(({ name }) => name);
    const rows = sql.rows(SOURCES[table] ?? `SELECT * FROM ${table}`);
    tables[table] = {
      columns,
      rows: rows.map((row) =>
        columns.map((column): Cell => {
          const value = row[column] ?? null;
          return value instanceof ArrayBuffer ? { base64: encodeBase64(new Uint8Array(value)) } : value;
        }),
      ),
    };
  }
  const applied = sql.row("SELECT max(number) AS number FROM migrations");
  return { migration: applied ? number(applied, "number") : 0, tables };
}

/**
 * Writes tables into an empty database. Creates the schema of the version that wrote them, inserts the rows,
 * then migrates. Call this in a transaction.
 * @throws FairleadError `backup.version` (of a newer version), `backup.malformed`
 */
export function restoreTables(
  storage: DurableObjectStorage,
  sql: Sql,
  { migration, tables }: { migration: number; tables: Tables },
  now: number,
): void {
  if (migration > NEWEST_MIGRATION) throw new FairleadError("backup.version");
  migrate(storage, now, migration);
  const known = tablesOf(sql);
  const given = Object.keys(tables).filter((name) => !LEFT_OUT.has(name));
  for (const name of given) if (!known.includes(name)) throw malformed(`there is no table ${name}`);
  for (const name of known) {
    const table = tables[name];
    if (!table) throw malformed(`the table ${name} is missing`);
    insert(sql, name, table);
  }
  migrate(storage, now);
}

function insert(sql: Sql, name: string, { columns, rows }: Tables[string]): void {
  const known = columnsOf(sql, name);
  if (known.length !== columns.length || known.some((column, index) => column.name !== columns[index])) {
    throw malformed(`the columns of ${name} differ`);
  }
  const places = columns.map(() => "?").join(", ");
  const statement = `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places})`;
  for (const row of rows) {
    if (row.length !== known.length) throw malformed(`a row of ${name} has ${row.length} values`);
    const values = known.map((column, index) => stored(name, column, row[index] ?? null));
    try {
      sql.write([], statement, ...values);
    } catch (cause) {
      throw new FairleadError("backup.malformed", `The backup is refused: a row of ${name} does not fit.`, {
        cause,
      });
    }
  }
}

function stored(table: string, { name, type, required }: Column, cell: Cell): SqlStorageValue {
  if (cell === null && !required) return null;
  if (type === "TEXT" && typeof cell === "string") return cell;
  if (type === "INTEGER" && typeof cell === "number" && Number.isSafeInteger(cell)) return cell;
  if (type === "BLOB" && typeof cell === "object" && cell !== null) {
    const bytes = decodeBase64(cell.base64);
    if (bytes) return blob(bytes);
  }
  throw malformed(`${name} of ${table} has a wrong type`);
}
