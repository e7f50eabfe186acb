/** Access to the object's SQL database, and readers for columns. */
import * as z from "zod";
import { type Change, Mutations } from "./mutations.ts";

export type Row = Record<string, SqlStorageValue>;

/**
 * A parameter that a text column is compared with, in statements with an order, a limit, an aggregate or a
 * partial index. SQLite (3.54, November 2026) plans such a statement by the value of a bare parameter, and so
 * prepares it again each time that it is bound, which took most of its time.
 */
export const TEXT_PARAMETER = "CAST(? AS TEXT)";

/** A list of strings as a column has it. */
const Texts = z.array(z.string());

export class Sql {
  readonly #storage: DurableObjectStorage;
  readonly mutations: Mutations;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.mutations = Mutations.of(storage);
  }

  /** All rows of a query. */
  rows(sql: string, ...values: SqlStorageValue[]): Row[] {
    return this.#storage.sql.exec(sql, ...values).toArray();
  }

  /** The first row of a query, or null. */
  row(sql: string, ...values: SqlStorageValue[]): Row | null {
    return this.rows(sql, ...values)[0] ?? null;
  }

  /** Runs a writing statement, and returns its rows. @param changes the cached parts that it changes */
  write(changes: readonly Change[], sql: string, ...values: SqlStorageValue[]): Row[] {
    const rows = this.#storage.sql.exec(sql, ...values).toArray();
    for (const change of changes) this.mutations.note(change);
    return rows;
  }
}

export const text = (row: Row, column: string): string => String(row[column]);

export const number = (row: Row, column: string): number => Number(row[column]);

/** A time, ms since 1970; null if absent. */
export const time = (row: Row, column: string): number | null => {
  const value = row[column];
  return value === null || value === undefined ? null : Number(value);
};

export const optional = (row: Row, column: string): string | undefined => {
  const value = row[column];
  return value === null || value === undefined ? undefined : String(value);
};

export const bytes = (row: Row, column: string): Uint8Array<ArrayBuffer> => {
  const value = row[column];
  if (!(value instanceof ArrayBuffer)) throw new TypeError(`column ${column} is not a blob`);
  return new Uint8Array(value);
};

export const optionalBytes = (row: Row, column: string): Uint8Array<ArrayBuffer> | null =>
  row[column] === null ? null : bytes(row, column);

/** A list of strings stored as JSON; null if absent. */
export const list = (row: Row, column: string): string[] | null => {
  const value = row[column];
  return value === null || value === undefined ? null : Texts.parse(JSON.parse(String(value)));
};

/** The stored form of a list. {@link list} reads it. */
export const listText = (value: readonly string[] | null): string | null =>
  value === null ? null : JSON.stringify(value);

/** The exact bytes of a view, as storage accepts them. */
export const blob = (view: Uint8Array<ArrayBuffer>): ArrayBuffer =>
  view.byteLength === view.buffer.byteLength ? view.buffer : view.slice().buffer;
