/**
 * The tables of the object: one row with the totals, and one for each period of a window. Rows are slots of a ring, so
 * that nothing needs to be deleted while there is traffic; after a pause, what is too old goes with the first write. An
 * object that was never reported to stores nothing.
 */
import { LEVELS, type LevelName, levelOf } from "./policy/windows.ts";

/** Longest blobs of a row together, bytes. The platform's limit is 2 MB. */
export const MAX_BLOB = 1_500_000;

/** The first slot of each level. */
const FIRST_SLOT: Readonly<Record<LevelName, number>> = { minute: 0, ten: 10_000, hour: 20_000, day: 30_000 };

/** A stored period: compressed texts. */
export interface StoredPeriod {
  readonly level: LevelName;
  /** Its start, ms since 1970. */
  readonly at: number;
  readonly counts: Uint8Array;
  /** Notable records; null for a period without any. */
  readonly records: Uint8Array | null;
}

export class TelemetryStore {
  readonly #storage: DurableObjectStorage;
  #hasTables: boolean | null = null;
  /** Whether rows from before the start of the object were looked through. */
  #isSwept = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Whether anything was stored. */
  get exists(): boolean {
    this.#hasTables ??=
      this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'totals'").toArray()
        .length > 0;
    return this.#hasTables;
  }

  /** Notes that the whole database was deleted. */
  forget(): void {
    this.#hasTables = false;
  }

  #createTables(): void {
    if (this.exists) return;
    this.#storage.sql.exec(
      "CREATE TABLE totals (part INTEGER PRIMARY KEY, parts INTEGER NOT NULL, data BLOB NOT NULL)",
    );
    this.#storage.sql.exec(
      "CREATE TABLE windows (slot INTEGER PRIMARY KEY, at INTEGER NOT NULL, counts BLOB NOT NULL, records BLOB)",
    );
    this.#hasTables = true;
  }

  /** Deletes the rows that are older than their level keeps, of slots that were not taken over since. */
  #sweep(now: number): void {
    if (this.#isSwept) return;
    for (const { name, ms, kept } of LEVELS) {
      const first = FIRST_SLOT[name];
      this.#storage.sql.exec(
        "DELETE FROM windows WHERE slot >= ? AND slot < ? AND at < ?",
        ...[first, first + kept, now - kept * ms],
      );
    }
    this.#isSwept = true;
  }

  /** Stores periods and totals together. @param now ms since 1970 */
  write(totals: Uint8Array, periods: readonly StoredPeriod[], now: number): void {
    this.#storage.transactionSync(() => {
      this.#createTables();
      this.#sweep(now);
      for (const { level, at, counts, records } of periods) {
        // The platform's limit, to which the rows were made to fit.
        if (counts.byteLength + (records?.byteLength ?? 0) > MAX_BLOB) continue;
        this.#storage.sql.exec(
          `INSERT INTO windows (slot, at, counts, records) VALUES (?, ?, ?, ?)
           ON CONFLICT (slot) DO UPDATE SET at = excluded.at, counts = excluded.counts, records = excluded.records`,
          ...[slotOf(level, at), at, bytesOf(counts), records === null ? null : bytesOf(records)],
        );
      }
      const parts = Math.max(1, Math.ceil(totals.byteLength / MAX_BLOB));
      for (let part = 0; part < parts; part++) {
        this.#storage.sql.exec(
          `INSERT INTO totals (part, parts, data) VALUES (?, ?, ?)
           ON CONFLICT (part) DO UPDATE SET parts = excluded.parts, data = excluded.data`,
          ...[part, parts, bytesOf(totals.subarray(part * MAX_BLOB, (part + 1) * MAX_BLOB))],
        );
      }
    });
  }

  /** The stored totals; null if there are none. */
  readTotals(): Uint8Array<ArrayBuffer> | null {
    if (!this.exists) return null;
    const rows = this.#storage.sql.exec("SELECT parts, data FROM totals ORDER BY part").toArray();
    const parts = rows.slice(0, Number(rows[0]?.parts ?? 0)).map(({ data }) => blob(data));
    if (parts.length === 0) return null;
    const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.byteLength;
    }
    return whole;
  }

  /** The stored periods of a level that begin within a span of time, oldest first. */
  *readPeriods(level: LevelName, from: number, until: number): Generator<StoredPeriod> {
    if (!this.exists) return;
    const { ms, kept } = levelOf(level);
    const first = Math.max(Math.ceil(from / ms) * ms, (Math.floor(until / ms) - kept) * ms);
    for (let at = first; at < until; at += ms) {
      const [row] = this.#storage.sql
        .exec("SELECT at, counts, records FROM windows WHERE slot = ?", slotOf(level, at))
        .toArray();
      if (row === undefined || Number(row.at) !== at) continue;
      yield { level, at, counts: blob(row.counts), records: row.records === null ? null : blob(row.records) };
    }
  }
}

/** The slot of a period. A later period of the level takes it over after as many periods as are kept. */
function slotOf(level: LevelName, at: number): number {
  const { ms, kept } = levelOf(level);
  return FIRST_SLOT[level] + (Math.floor(at / ms) % kept);
}

const bytesOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

const blob = (value: unknown): Uint8Array<ArrayBuffer> =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array();
