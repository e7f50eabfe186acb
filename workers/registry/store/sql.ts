/** SQL against the object's database, and how columns are read from rows. */
import { z } from "zod";
import { type Change, Mutations } from "./mutations.ts";

export type Row = Record<string, SqlStorageValue>;

export class Sql {
  readonly #storage: DurableObjectStorage;
  readonly mutations: Mutations;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.mutations = Mutations.of(storage);
  }

  /** Rows that a statement reads. */
  rows(sql: string, ...values: SqlStorageValue[]): Row[] {
    return this.#storage.sql.exec(sql, ...values).toArray();
  }

  /** The first row, or null. */
  row(sql: string, ...values: SqlStorageValue[]): Row | null {
    return this.rows(sql, ...values)[0] ?? null;
  }

  /** Runs a statement that writes, and gives the rows that it returns. @param changes what of it is kept in memory */
  write(changes: readonly Change[], sql: string, ...values: SqlStorageValue[]): Row[] {
    const rows = this.#storage.sql.exec(sql, ...values).toArray();
    for (const change of changes) this.mutations.note(change);
    return rows;
  }
}

export const text = (row: Row, column: string): string => String(row[column]);

export const number = (row: Row, column: string): number => Number(row[column]);

/** A time, ms; null where there is none. */
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

/** A list of strings kept as JSON; null where there is none. */
export const list = (row: Row, column: string): string[] | null => {
  const value = row[column];
  return value === null || value === undefined ? null : z.array(z.string()).parse(JSON.parse(String(value)));
};

/** How {@link list} reads it back. */
export const listText = (value: readonly string[] | null): string | null =>
  value === null ? null : JSON.stringify(value);

/** Exactly the bytes of a view, as storage takes them. */
export const blob = (view: Uint8Array<ArrayBuffer>): ArrayBuffer =>
  view.byteLength === view.buffer.byteLength ? view.buffer : view.slice().buffer;
