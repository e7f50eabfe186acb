/**
 * The last use of each API key, to the minute, so that a key in constant use is written once a minute.
 */

/** Shortest time between two writes for a key, ms. */
const PRECISION_MS = 60_000;

/** The table of last uses. */
export class KeyUses {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS key_uses (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID");
  }

  /**
   * Notes that a key was used.
   * @param now ms since 1970
   * @returns whether the use was written
   */
  note(key: string, now: number): boolean {
    const last = this.#last(key);
    if (last !== null && now - last < PRECISION_MS && now >= last) return false;
    this.#put(key, now);
    return true;
  }

  /** When a key was last used, ISO 8601; null when it was never used. */
  lastOf(key: string): string | null {
    const last = this.#last(key);
    return last === null ? null : new Date(last).toISOString();
  }

  /** Deletes the use of a deleted key. */
  forget(key: string): void {
    this.#sql.exec("DELETE FROM key_uses WHERE key = ?", key);
  }

  /** Replaces all uses. */
  restore(uses: readonly { readonly id: string; readonly lastUsedAt: string | null }[]): void {
    this.#sql.exec("DELETE FROM key_uses");
    for (const { id, lastUsedAt } of uses) if (lastUsedAt !== null) this.#put(id, Date.parse(lastUsedAt));
  }

  #last(key: string): number | null {
    const [row] = this.#sql.exec<{ at: number }>("SELECT at FROM key_uses WHERE key = ?", key).toArray();
    return row?.at ?? null;
  }

  #put(key: string, at: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO key_uses (key, at) VALUES (?, ?)", key, at);
  }
}
