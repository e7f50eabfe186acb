/** Sessions, and the pairs of sites that ever had one. */
import { number, type Row, type Sql, text } from "./sql.ts";

export interface SessionRow {
  bootA: string;
  bootB: string;
  siteA: string;
  siteB: string;
  id: string;
  generation: number;
  grantedAt: number;
}

export class Sessions {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #session(row: Row): SessionRow {
    return {
      bootA: text(row, "boot_a"),
      bootB: text(row, "boot_b"),
      siteA: text(row, "site_a"),
      siteB: text(row, "site_b"),
      id: text(row, "id"),
      generation: number(row, "generation"),
      grantedAt: number(row, "granted_at"),
    };
  }

  #all(where: string, ...values: string[]): SessionRow[] {
    return this.#sql.rows(`SELECT * FROM sessions ${where}`, ...values).map((row) => this.#session(row));
  }

  all(): SessionRow[] {
    return this.#all("");
  }

  get(id: string): SessionRow | null {
    return this.#all("WHERE id = ?", id)[0] ?? null;
  }

  /** Of two instances; `bootA` is the lower. */
  between(bootA: string, bootB: string): SessionRow | null {
    return this.#all("WHERE boot_a = ? AND boot_b = ?", bootA, bootB)[0] ?? null;
  }

  ofBoot(boot: string): SessionRow[] {
    return this.#all("WHERE boot_a = ? OR boot_b = ?", boot, boot);
  }

  ofSite(site: string): SessionRow[] {
    return this.#all("WHERE site_a = ? OR site_b = ?", site, site);
  }

  count(): number {
    const row = this.#sql.row("SELECT count(*) AS count FROM sessions");
    return row ? number(row, "count") : 0;
  }

  /** Takes the place of an older session between the same instances. */
  put(session: SessionRow): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
      session.bootA,
      session.bootB,
      session.siteA,
      session.siteB,
      session.id,
      session.generation,
      session.grantedAt,
    );
  }

  /** Forgets a session; of another generation than the one given, nothing. */
  delete(id: string, generation?: number): void {
    if (generation === undefined) this.#sql.run("DELETE FROM sessions WHERE id = ?", id);
    else this.#sql.run("DELETE FROM sessions WHERE id = ? AND generation = ?", id, generation);
  }
}

/**
 * Pairs of sites that had a session at some time. Their router may hold a lane, whatever was reported of its
 * session: a site that lies about an end must not escape its revocation by that.
 */
export class Pairs {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  all(): [string, string][] {
    return this.#sql.rows("SELECT * FROM pairs").map((row) => [text(row, "site_a"), text(row, "site_b")]);
  }

  of(site: string): [string, string][] {
    return this.#sql
      .rows("SELECT * FROM pairs WHERE site_a = ? OR site_b = ?", site, site)
      .map((row) => [text(row, "site_a"), text(row, "site_b")]);
  }

  /** In whatever order. */
  note(left: string, right: string): void {
    const [siteA, siteB] = left < right ? [left, right] : [right, left];
    this.#sql.run("INSERT OR IGNORE INTO pairs VALUES (?, ?)", siteA, siteB);
  }

  forget(siteA: string, siteB: string): void {
    this.#sql.run("DELETE FROM pairs WHERE site_a = ? AND site_b = ?", siteA, siteB);
  }
}
