/** The tables of sessions, of cuts, and of pairs of sites that have had a session. */
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { Encryption } from "../../../protocol/uplink/messages.ts";
import { KeyedMemo, Memo } from "./mutations.ts";
import { number, type Row, type Sql, text, time } from "./sql.ts";

export interface SessionRow {
  /** The lower of the two instances by `compareInstances`: the TLS server. */
  readonly a: InstanceId;
  readonly b: InstanceId;
  readonly encryption: Encryption;
  readonly id: string;
  /** Increases by one with each resumption. */
  readonly generation: number;
  /** Number of lanes of this generation. */
  readonly lanes: number;
  /** When this generation was granted, ms since 1970. */
  readonly grantedAt: number;
  /** Since when neither instance has an uplink, ms since 1970, as of the last sweep. */
  readonly awaySince: number | null;
}

export class Sessions {
  readonly #sql: Sql;
  readonly #rows: KeyedMemo<SessionRow | null>;
  readonly #count: Memo<number>;
  readonly #hasAny: Memo<boolean>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#rows = new KeyedMemo(sql.mutations, "sessions", (id) => this.#all("WHERE id = ?", id)[0] ?? null);
    this.#count = new Memo(sql.mutations, ["sessions"], () => this.#readCount());
    const any = "SELECT 1 FROM sessions LIMIT 1";
    this.#hasAny = new Memo(sql.mutations, ["sessions"], () => sql.row(any) !== null);
  }

  #session(row: Row): SessionRow {
    return {
      a: { site: text(row, "site_a"), boot: text(row, "boot_a") },
      b: { site: text(row, "site_b"), boot: text(row, "boot_b") },
      encryption: Encryption.parse(text(row, "encryption")),
      id: text(row, "id"),
      generation: number(row, "generation"),
      lanes: number(row, "lanes"),
      grantedAt: number(row, "granted_at"),
      awaySince: time(row, "away_since"),
    };
  }

  #all(where: string, ...values: string[]): SessionRow[] {
    return this.#sql.rows(`SELECT * FROM sessions ${where}`, ...values).map((row) => this.#session(row));
  }

  all(): SessionRow[] {
    return this.#all("");
  }

  get(id: string): SessionRow | null {
    return this.#rows.get(id);
  }

  /** The session of two instances in a mode; `a` is the lower instance. */
  between(a: InstanceId, b: InstanceId, encryption: Encryption): SessionRow | null {
    const where = "WHERE site_a = ? AND boot_a = ? AND site_b = ? AND boot_b = ? AND encryption = ?";
    return this.#all(where, a.site, a.boot, b.site, b.boot, encryption)[0] ?? null;
  }

  ofInstance({ site, boot }: InstanceId): SessionRow[] {
    const where = "WHERE (site_a = ? AND boot_a = ?) OR (site_b = ? AND boot_b = ?)";
    return this.#all(where, site, boot, site, boot);
  }

  count(): number {
    return this.#count.value;
  }

  ofSite(site: string): SessionRow[] {
    return this.#all("WHERE site_a = ? OR site_b = ?", site, site);
  }

  /** Whether any session is stored. */
  get hasAny(): boolean {
    return this.#hasAny.value;
  }

  #readCount(): number {
    const row = this.#sql.row("SELECT count(*) AS count FROM sessions");
    return row ? number(row, "count") : 0;
  }

  /** Stores a session. Replaces an older session, or generation, of the same instances and mode. */
  put(session: SessionRow): void {
    // The replaced session may be any, so all cached sessions are dropped.
    this.#sql.write(
      ["sessions"],
      `INSERT OR REPLACE INTO sessions
        (site_a, boot_a, site_b, boot_b, encryption, id, generation, lanes, granted_at, away_since)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      session.a.site,
      session.a.boot,
      session.b.site,
      session.b.boot,
      session.encryption,
      session.id,
      session.generation,
      session.lanes,
      session.grantedAt,
      session.awaySince,
    );
  }

  /** Stores since when both instances are absent; null if one is present. */
  setAway(id: string, since: number | null): void {
    this.#sql.write([["sessions", id]], "UPDATE sessions SET away_since = ? WHERE id = ?", since, id);
  }

  /** Deletes a session; if a generation is given, only that one. */
  delete(id: string, generation?: number): void {
    const where = "WHERE id = ? AND (? IS NULL OR generation = ?)";
    const of = generation ?? null;
    this.#sql.write([["sessions", id]], `DELETE FROM sessions ${where}`, id, of, of);
  }
}

/**
 * Reasons of cuts, kept for an instance that was absent and returns to resume. Only the two instances of a
 * session may read the reason: knowing a session's id proves nothing.
 */
export class Cuts {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  note({ id, a, b }: SessionRow, code: string, at: number): void {
    this.#sql.write(
      [],
      `INSERT OR REPLACE INTO cuts (session, site_a, boot_a, site_b, boot_b, code, at)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      a.site,
      a.boot,
      b.site,
      b.boot,
      code,
      at,
    );
  }

  /**
   * The code of the cut of this instance's session. Null if it was not cut, or belongs to other instances.
   */
  codeOf(session: string, { site, boot }: InstanceId): string | null {
    const row = this.#sql.row(
      `SELECT code FROM cuts WHERE session = ? AND
        ((site_a = ? AND boot_a = ?) OR (site_b = ? AND boot_b = ?))`,
      session,
      site,
      boot,
      site,
      boot,
    );
    return row && text(row, "code");
  }

  /** Deletes cuts made at or before `time`. */
  prune(time: number): void {
    this.#sql.write([], "DELETE FROM cuts WHERE at <= ?", time);
  }
}

/**
 * Pairs of sites that have had a session. Their router may hold a lane, whatever was reported about the
 * session: a false report must not protect a lane from revocation.
 */
export class Pairs {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  all(): [string, string][] {
    return this.#sql.rows("SELECT * FROM pairs").map((row) => [text(row, "site_a"), text(row, "site_b")]);
  }

  /** Stores a pair, in any order of its sites. */
  note(left: string, right: string): void {
    const [siteA, siteB] = left < right ? [left, right] : [right, left];
    this.#sql.write([], "INSERT OR IGNORE INTO pairs VALUES (?, ?)", siteA, siteB);
  }

  forget(siteA: string, siteB: string): void {
    this.#sql.write([], "DELETE FROM pairs WHERE site_a = ? AND site_b = ?", siteA, siteB);
  }
}
