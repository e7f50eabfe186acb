/** SQL against the object's database, and how columns are read from rows. */
import { z } from "zod";

export type Row = Record<string, SqlStorageValue>;

/** The table that a statement writes; null for one that only reads. */
const WRITES = /^\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)/i;

const writesAround = new WeakMap<DurableObjectStorage, number>();

/** To be called after writes that went around {@link Sql}, and after a rollback: nothing that was read still counts. */
export function noteWritesAround(storage: DurableObjectStorage): void {
  writesAround.set(storage, (writesAround.get(storage) ?? 0) + 1);
}

export class Sql {
  readonly #storage: DurableObjectStorage;
  /** Which table each statement writes, so that a statement is looked at once. */
  readonly #written = new Map<string, string | null>();
  readonly #versions = new Map<string, number>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  rows(sql: string, ...values: SqlStorageValue[]): Row[] {
    this.#noteWrite(sql);
    return this.#storage.sql.exec(sql, ...values).toArray();
  }

  /** The first row, or null. */
  row(sql: string, ...values: SqlStorageValue[]): Row | null {
    return this.rows(sql, ...values)[0] ?? null;
  }

  /** Runs a statement, and tells how many rows it wrote (of tables and indexes). */
  run(sql: string, ...values: SqlStorageValue[]): number {
    this.#noteWrite(sql);
    return this.#storage.sql.exec(sql, ...values).rowsWritten;
  }

  #noteWrite(sql: string): void {
    let table = this.#written.get(sql);
    if (table === undefined) {
      table = WRITES.exec(sql)?.[1] ?? null;
      this.#written.set(sql, table);
    }
    if (table !== null) this.#versions.set(table, (this.#versions.get(table) ?? 0) + 1);
  }

  /** Grows with each write to any of the tables. */
  version(tables: readonly string[]): number {
    const around = writesAround.get(this.#storage) ?? 0;
    return tables.reduce((sum, table) => sum + (this.#versions.get(table) ?? 0), around);
  }
}

/** A value made of what tables hold, kept until one of them is written. The object is the only one who writes. */
export class Memo<T> {
  readonly #sql: Sql;
  readonly #tables: readonly string[];
  readonly #read: (before: T | undefined) => T;
  #version = -1;
  #value: T | undefined;

  /** @param read makes the value; given the one before, which it may give back where nothing differs */
  constructor(sql: Sql, tables: readonly string[], read: (before: T | undefined) => T) {
    this.#sql = sql;
    this.#tables = tables;
    this.#read = read;
  }

  get value(): T {
    const version = this.#sql.version(this.#tables);
    if (this.#value === undefined || version !== this.#version) {
      this.#value = this.#read(this.#value);
      this.#version = version;
    }
    return this.#value;
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
